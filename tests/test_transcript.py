"""Utterances in their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.transcript import (
    Gap,
    Result,
    Transcript,
    Utterance,
    Word,
    join_text,
    mean_confidence,
    whole_ms,
    written_down,
)


def said(name: str, start: float, text: str = "oui", speaker: str = "agent") -> Utterance:
    return Utterance(name, speaker, text, start, start + 1, (), 0.9)


@given(st.permutations(range(8)))
def test_utterances_stand_in_the_order_in_which_they_began(order: list[int]) -> None:
    transcript = Transcript("call")
    for start in order:
        transcript.add(said(f"u{start}", start))
    assert [u.start for u in transcript.utterances] == list(range(8))


def test_a_revision_takes_the_place_of_what_it_revises() -> None:
    transcript = Transcript("call")
    transcript.add(said("a", 0))
    transcript.add(said("b", 1))
    transcript.add(said("a", 0, "non"))
    assert [(u.utterance_id, u.text) for u in transcript.utterances] == [("a", "non"), ("b", "oui")]


def test_what_was_taken_out_may_come_back() -> None:
    transcript = Transcript("call", [said("a", 0), said("b", 1)])
    transcript.drop("nobody's")
    transcript.drop("a")
    transcript.drop("a")
    assert [u.utterance_id for u in transcript.utterances] == ["b"]
    transcript.add(said("a", 2))
    transcript.swap("agent", "technician")
    transcript.add(said("a", 0, "non"))
    copy = transcript.copy()
    copy.drop("b")
    assert [u.text for u in transcript.utterances] == ["non", "oui"]
    assert [u.text for u in copy.utterances] == ["non"]


@given(st.floats(0, 1e6), st.floats(0, 1e4))
def test_words_are_written_down_in_whole_milliseconds(start: float, offset: float) -> None:
    (word,) = written_down([Word("oui", start, start + 0.3, 0.12345)], offset)
    assert abs(word.start - (start + offset)) <= 0.0005 + 1e-9
    assert word.start == round(word.start, 3) == whole_ms(start + offset), "as all else is"
    assert word.confidence == 0.1235


def test_what_is_no_time_is_left_as_it_is() -> None:
    (word,) = written_down([Word("oui", 0.1, float("inf"), 0.5, "S1")], 1.0)
    assert (word.start, word.end, word.speaker_label) == (1.1, float("inf"), "S1")
    assert whole_ms(float("inf")) == float("inf")
    assert whole_ms(-0.0123) == -0.012


def test_what_a_transcript_tells() -> None:
    transcript = Transcript("call")
    assert (transcript.text, transcript.duration, transcript.speakers) == ("", 0.0, [])
    transcript.add(said("t-1", 2, "bonjour", "technician"))
    transcript.add(said("a-1", 0, "allô"))
    transcript.add(said("a-2", 4, "merci"))
    assert transcript.speakers == ["agent", "technician"]
    assert transcript.of("agent") == "allô merci"
    assert transcript.text == "allô\nbonjour\nmerci"
    assert transcript.duration == 5
    assert transcript.to_dict()["utterances"][1]["speaker"] == "technician"


def test_small_helpers() -> None:
    assert join_text(["a ", "", "  ", " b"]) == "a b"
    assert mean_confidence([]) == 0.0
    assert mean_confidence([Word("a", 0, 1, 0.5), Word("b", 0, 1, 1.0)]) == 0.75
    assert Word("a", 0, 1, 0.5, "S1").to_dict()["speaker_label"] == "S1"


def test_a_result_on_another_clock() -> None:
    word = Word("oui", 0.5, 0.75, 0.9, "1")
    result = Result("oui", 0.5, 0.75, is_final=True, words=(word,), language="fr")
    moved = result.moved(2.0)
    assert (moved.start, moved.end) == (2.5, 2.75)
    assert moved.words == (Word("oui", 2.5, 2.75, 0.9, "1"),)
    assert (moved.text, moved.is_final, moved.language) == ("oui", True, "fr")
    assert moved.moved(-2.0) == result
    assert result.moved(0.0) is result


def test_gaps_stand_in_their_order_and_go_when_repaired() -> None:
    transcript = Transcript("call", [said("a", 1.5)])
    for seq, start in ((2, 3.0), (3, 1.0), (4, 2.0)):
        transcript.add_gap(Gap("agent", start, start + 0.5, "lost", seq))
    assert [gap.seq for gap in transcript.gaps] == [3, 4, 2]
    assert [item.start for item in transcript.in_order] == [1.0, 1.5, 2.0, 3.0]
    copy = transcript.copy()
    transcript.drop_gap(4)
    transcript.drop_gap(99)
    transcript.swap("agent", "technician")
    assert [gap.seq for gap in transcript.gaps] == [3, 2]
    assert {item.speaker for item in transcript.in_order} == {"technician"}
    assert len(copy.gaps) == 3
    assert copy.gaps[0].speaker == copy.utterances[0].speaker == "agent"
    assert transcript.to_dict()["gaps"][0] == {
        "speaker": "technician",
        "start": 1.0,
        "end": 1.5,
        "reason": "lost",
    }


def test_why_nobody_heard_something_is_said_in_words() -> None:
    reasons = {
        "server_died": "the server died",
        "server_restarted": "the server was away",
        "disk_full": "disk full",
        "DEEPGRAM_API_KEY is not\nset": "DEEPGRAM_API_KEY is not set",
    }
    for reason, why in reasons.items():
        assert Gap("agent", 1.0, 2.0, reason).why == why


def test_what_nobody_heard_takes_its_time_too() -> None:
    transcript = Transcript("call")
    transcript.add_gap(Gap("agent", 2.0, 40.0, "network"))
    assert transcript.duration == 40.0
