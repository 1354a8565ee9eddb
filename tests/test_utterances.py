"""How results add up to utterances."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.transcript import Result, Utterance, Word
from callscribe.utterances import LONGEST, Step, UtteranceBuilder, restated


def result(text: str, start: float, end: float, **more: bool) -> Result:
    words = tuple(Word(word, start, end, 0.8) for word in text.split())
    return Result(text, start, end, more.pop("is_final", False), words=words, **more)


def final(text: str, start: float, end: float, *, speech_final: bool = True) -> Result:
    return result(text, start, end, is_final=True, speech_final=speech_final)


def step(builder: UtteranceBuilder, heard: Result, offset: float = 0.0) -> Step:
    made = builder.add(heard, offset)
    assert made is not None
    return made


def test_an_utterance_keeps_its_id_from_first_interim_to_end() -> None:
    builder = UtteranceBuilder("agent")
    steps = [
        step(builder, result("bon", 0, 0.4)),
        step(builder, final("bonjour", 0, 0.8, speech_final=False)),
        step(builder, result("je", 0.9, 1.0)),
        step(builder, final("je vous écoute", 0.9, 2.0)),
    ]
    assert {s.utterance.utterance_id for s in steps} == {"agent-1"}
    assert [s.utterance.text for s in steps] == [
        "bon",
        "bonjour",
        "bonjour je",
        "bonjour je vous écoute",
    ]
    assert [s.is_final for s in steps] == [False, True, False, True]
    assert steps[-1].speech_final
    assert (steps[-1].utterance.start, steps[-1].utterance.end) == (0, 2.0)
    assert step(builder, result("oui", 3, 3.2)).utterance.utterance_id == "agent-2"


def test_times_are_moved_onto_the_call_clock() -> None:
    said = step(UtteranceBuilder("agent"), final("oui", 1.0, 1.5), 10.0).utterance
    assert (said.start, said.end) == (11.0, 11.5)
    assert (said.words[0].start, said.words[0].end) == (11.0, 11.5)


def test_empty_results_say_nothing_unless_they_take_something_back() -> None:
    builder = UtteranceBuilder("agent")
    assert builder.add(result("", 0, 1)) is None
    assert builder.add(final("", 0, 1)) is None
    step(builder, result("hm", 0, 1))
    taken_back = step(builder, final("", 0, 1))
    assert (taken_back.utterance.text, taken_back.is_final) == ("", True)
    assert builder.add(final("", 0, 1)) is None


def test_an_empty_final_can_end_an_utterance() -> None:
    builder = UtteranceBuilder("agent")
    step(builder, final("oui", 0, 1, speech_final=False))
    ended = step(builder, final("", 1, 2))
    assert (ended.utterance.text, ended.speech_final) == ("oui", True)


def test_finish_ends_what_no_endpoint_ended() -> None:
    builder = UtteranceBuilder("agent")
    assert builder.finish() is None
    step(builder, final("oui", 0, 1, speech_final=False))
    ended = builder.finish()
    assert ended is not None
    assert ended.speech_final
    assert ended.utterance.text == "oui"
    assert builder.finish() is None


def test_confidence_without_words_is_that_of_the_results() -> None:
    heard = Result("oui", 0, 1, True, True, confidence=0.6)
    assert step(UtteranceBuilder("agent"), heard).utterance.confidence == 0.6


@given(
    st.lists(
        st.builds(
            result,
            st.sampled_from(["", "oui", "je vous écoute"]),
            st.just(0.0),
            st.just(1.0),
            is_final=st.booleans(),
            speech_final=st.booleans(),
        )
    )
)
def test_no_final_text_is_lost_whatever_the_order(heard: list[Result]) -> None:
    builder = UtteranceBuilder("agent")
    said: dict[str, str] = {}
    for one in heard:
        made = builder.add(one)
        if made is not None and made.is_final:
            said[made.utterance.utterance_id] = made.utterance.text
    if (made := builder.finish()) is not None:
        said[made.utterance.utterance_id] = made.utterance.text
    finals = [one.text for one in heard if one.is_final and one.text]
    assert " ".join(text for text in said.values() if text) == " ".join(finals)


def test_a_voice_that_never_pauses_ends_an_utterance_all_the_same() -> None:
    builder = UtteranceBuilder("agent")
    steps = [builder.add(Result("mot", at, at + 5.0, is_final=True)) for at in range(0, 200, 5)]
    ends = [step.utterance for step in steps if step is not None and step.speech_final]
    assert len(ends) == 3
    assert max(end.end - end.start for end in ends) <= LONGEST + 5
    assert [end.utterance_id for end in ends] == ["agent-1", "agent-2", "agent-3"]


def said_in_three() -> Utterance:
    words = [Word(text, at, at + 0.5, 0.5) for at, text in enumerate(("un", "deux", "trois"))]
    return Utterance("agent-1", "agent", "un deux trois", 0.0, 2.5, tuple(words), 0.5, "fr", True)


def test_other_words_in_a_place_of_an_utterance() -> None:
    now = Result("Deux.", 1.0, 1.6, True, words=(Word("Deux.", 1.0, 1.6, 0.9),))
    found = restated(said_in_three(), 1.0, 1.5, now, "whisper")
    assert found is not None
    assert (found.text, found.start, found.end) == ("un Deux. trois", 0.0, 2.5)
    assert found.confidence == round((0.5 + 0.9 + 0.5) / 3, 4)
    assert found.unsure  # the rest of it may be


def test_a_place_without_words_is_none() -> None:
    now = Result("x", 5.0, 6.0, True, words=(Word("x", 5.0, 6.0, 0.9),))
    assert restated(said_in_three(), 5.0, 6.0, now, "whisper") is None


def test_a_final_of_the_open_utterance_is_replaced() -> None:
    builder = UtteranceBuilder("agent")
    step(builder, Result("un", 0, 1, True, unsure=True))
    step(builder, Result("deux", 1, 2, True))
    assert builder.revise(5.0, 6.0, Result("x", 5, 6, True), "whisper") is None
    made = builder.revise(0.0, 1.0, Result("Un,", 0, 1, True), "whisper")
    assert made is not None
    assert (made.is_final, made.speech_final) == (True, False)
    assert (made.utterance.text, made.utterance.unsure) == ("Un, deux", False)
    last = builder.finish()
    assert last is not None
    assert last.utterance.text == "Un, deux"
    assert last.utterance.heard_again == "whisper"
    assert step(builder, Result("trois", 3, 4, True)).utterance.heard_again == ""
