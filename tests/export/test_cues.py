"""Cues: readable, ordered, and every word in one of them."""

from itertools import pairwise

import pytest
from hypothesis import given

from callscribe.export.cues import MAX_CHARS, MAX_MS, make_cues
from callscribe.transcript import Transcript, Utterance, Word

from .transcripts import CALL, transcripts, utterance

LONG = (
    "Alors je vous explique, la box a redémarré trois fois ce matin, le voyant reste orange. "
    "J'ai vérifié le câble et le filtre. Tout est branché comme il faut, mais rien ne vient."
)


def cues_of(text: str, *, named: bool = False, pace: float = 0.4):  # noqa: ANN201 - a list of cues
    return make_cues(Transcript("s", [utterance("agent", 1.0, text, pace=pace)]), named=named)


def test_a_short_utterance_is_one_cue_at_its_own_time() -> None:
    (cue,) = cues_of("Bonjour à tous, je vous écoute.")
    assert (cue.start_ms, cue.end_ms) == (1000, 3400)
    assert cue.lines == ("Bonjour à tous, je vous écoute.",)


def test_a_long_utterance_is_cut_at_sentences_by_its_words_times() -> None:
    cues = cues_of(LONG)
    words = LONG.split()
    assert " ".join(line for cue in cues for line in cue.lines).split() == words
    assert all(cue.lines[-1].endswith((".", ",")) for cue in cues)
    for before, after in pairwise(cues):
        assert before.end_ms <= after.start_ms
        first = after.lines[0].split()[0]
        assert after.start_ms == round(1000 + 400 * words.index(first))


def test_two_lines_are_near_in_length() -> None:
    (cue,) = cues_of("le technicien a remplacé la prise murale du salon", pace=0.1)
    assert cue.lines == ("le technicien a remplacé", "la prise murale du salon")


def test_slow_words_are_cut_by_time() -> None:
    cues = cues_of("un deux trois quatre cinq", pace=3.0)
    assert [cue.lines for cue in cues] == [("un deux",), ("trois quatre",), ("cinq",)]


def test_the_speaker_is_named_within_the_line_and_shortened() -> None:
    (cue,) = cues_of("Oui.", named=True)
    assert cue.lines == ("agent: Oui.",)
    (cue,) = make_cues(Transcript("s", [utterance("x" * 40, 0, "Oui.")]), named=True)
    assert cue.lines == ("x" * 19 + "…: Oui.",)


def test_a_very_short_cue_stands_long_enough_to_be_read() -> None:
    one, two = make_cues(
        Transcript("s", [utterance("agent", 0, "Oui."), utterance("agent", 0.6, "Non.")]),
        named=False,
    )
    assert (one.start_ms, one.end_ms) == (0, 600)
    assert (two.start_ms, two.end_ms) == (600, 1600)


def test_without_words_the_text_is_spread_over_the_time() -> None:
    text = LONG[:80].strip()
    plain = Utterance("1", "agent", text, 10.0, 20.0, (), 0.0)
    cues = make_cues(Transcript("s", [plain]), named=False)
    assert len(cues) == 2
    assert cues[0].start_ms == 10_000
    assert cues[-1].end_ms == 20_000


def test_a_language_without_spaces_stays_without() -> None:
    words = tuple(Word(text, i, i + 1, 1.0) for i, text in enumerate(["電話", "です", "。"]))
    said = Utterance("1", "agent", "電話です。", 0, 3, words, 1.0)
    (cue,) = make_cues(Transcript("s", [said]), named=False)
    assert cue.lines == ("電話です。",)


def test_line_breaks_in_words_are_blanks() -> None:
    word = Word("a\r\n\nb", 0, 1, 1.0)
    (cue,) = make_cues(
        Transcript("s", [Utterance("1", "agent", "a b", 0, 1, (word,), 1.0)]), named=False
    )
    assert cue.lines == ("a b",)


@pytest.mark.parametrize("named", [False, True])
@given(transcript=transcripts())
def test_any_transcript_makes_legal_cues(named: bool, transcript: Transcript) -> None:
    cues = make_cues(transcript, named=named)
    assert [c.start_ms for c in cues] == sorted(c.start_ms for c in cues)
    for cue in cues:
        assert 0 <= cue.start_ms < cue.end_ms <= cue.start_ms + MAX_MS
        assert 1 <= len(cue.lines) <= 2
        for line in cue.lines:
            words = line.split(" ")[1 if named and line is cue.lines[0] else 0 :]
            assert len(line) <= MAX_CHARS or len(words) == 1
    for speaker in transcript.speakers:
        own = [cue for cue in cues if cue.speaker == speaker]
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(own))
        said = [
            word for u in transcript.utterances if u.speaker == speaker for word in u.text.split()
        ]
        shown = [word for cue in own for word in " ".join(cue.lines).split()[1 if named else 0 :]]
        assert "".join(shown) == "".join(said)


def test_both_speakers_of_a_call_are_there() -> None:
    assert {cue.speaker for cue in make_cues(CALL, named=False)} == {"technician", "agent"}
