"""Voices behind a reconnection: recognised where both connections heard the same words, or new."""

from __future__ import annotations

from callscribe.engines.base import Repaired
from callscribe.engines.resilient.voices import LegVoices
from callscribe.transcript import Result, Word
from callscribe.voices import labels_of
from tests.engines.resilient.simulation import FIRST, RATE, simulation

FIRST_LINE, SECOND_LINE, THIRD_LINE = "first line", "second line", "third line"


def said(text: str, labels: str, start: float = 0.0, *, final: bool = True) -> Result:
    """Words of 0.3 s each 0.4 s from ``start`` on, each with its label."""
    words = tuple(
        Word(word, start + 0.4 * i, start + 0.4 * i + 0.3, 0.9, label)
        for i, (word, label) in enumerate(zip(text.split(), labels, strict=True))
    )
    return Result(text, words[0].start, words[-1].end, final, final, words)


def labels(result: Result) -> str:
    return "".join(word.speaker_label or "-" for word in result.words)


def test_the_first_connection_keeps_its_numbers() -> None:
    voices = LegVoices()
    assert labels(voices.named(said("oui", "1", final=False), FIRST_LINE)) == "1"
    assert labels(voices.named(said("oui non", "10"), FIRST_LINE)) == "10"


def test_numbers_of_another_connection_are_other_voices() -> None:
    voices = LegVoices()
    voices.named(said("un deux trois quatre", "0011"), FIRST_LINE)
    behind = said("cinq six sept", "010")
    assert labels(voices.named(behind.moved(20), SECOND_LINE)) == "232"
    assert labels(voices.named(said("huit", "1", 4).moved(20), SECOND_LINE)) == "3"
    assert labels(voices.named(said("neuf", "0").moved(40), THIRD_LINE)) == "4"


def test_who_said_the_same_words_is_the_same_voice() -> None:
    voices = LegVoices()
    voices.named(said("un deux", "00"), FIRST_LINE)
    # No final came of this any more; it is heard again, and the numbers are exchanged.
    voices.named(said("a b c d e f g h", "11110000", 1, final=False), FIRST_LINE)
    again = said("A, b c D e f. g h", "00001111")
    assert labels(voices.named(again.moved(1), SECOND_LINE)) == "11110000"
    assert labels(voices.named(said("i j", "10", 5).moved(1), SECOND_LINE)) == "01"


def test_an_interim_is_labelled_when_its_voice_is_known() -> None:
    voices = LegVoices()
    voices.named(said("a b c d", "1100", final=False), FIRST_LINE)
    assert labels(voices.named(said("a b", "00", final=False), SECOND_LINE)) == "--"
    longer = said("a b c d", "0000", final=False)
    assert labels(voices.named(longer, SECOND_LINE)) == "----"
    assert labels(voices.named(said("a b c d", "0011"), SECOND_LINE)) == "2233"
    assert labels(voices.named(said("e", "0", 2, final=False), SECOND_LINE)) == "2"


def test_too_few_words_are_no_ground() -> None:
    voices = LegVoices()
    voices.named(said("a b", "00", final=False), FIRST_LINE)
    assert labels(voices.named(said("a b c", "000"), SECOND_LINE)) == "111"


def test_other_words_at_that_time_are_no_ground() -> None:
    voices = LegVoices()
    voices.named(said("a b c d", "0000", final=False), FIRST_LINE)
    assert labels(voices.named(said("w x y z", "0000"), SECOND_LINE)) == "1111"


def test_the_same_words_at_another_time_are_no_ground() -> None:
    voices = LegVoices()
    voices.named(said("a b c d", "0000", final=False), FIRST_LINE)
    assert labels(voices.named(said("a b c d", "0000", 2), SECOND_LINE)) == "1111"


def test_two_voices_are_never_put_together() -> None:
    voices = LegVoices()
    voices.named(said("a b c d e f g h", "00001111", final=False), FIRST_LINE)
    # The new connection has not told them apart yet: who speaks under its number is not known.
    again = said("a b c d e f g h", "00000000")
    assert labels(voices.named(again, SECOND_LINE)) == "22222222"


def test_one_voice_that_was_taken_for_two_stays_two() -> None:
    voices = LegVoices()
    voices.named(said("a b c d e f g h", "00000000", final=False), FIRST_LINE)
    again = said("a b c d e f g h", "00001111")
    assert labels(voices.named(again, SECOND_LINE)) == "11112222"


def test_a_voice_is_recognised_over_a_connection_that_heard_nothing() -> None:
    voices = LegVoices()
    voices.named(said("a b c d", "1111", final=False), FIRST_LINE)
    voices.named(Result("", 0, 0.5, False), SECOND_LINE)
    assert labels(voices.named(said("a b c d", "0000"), THIRD_LINE)) == "1111"


def test_engines_without_labels_leave_none_and_prove_nothing() -> None:
    voices = LegVoices()
    voices.named(said("a b c d", "0000", final=False), FIRST_LINE)
    bare = Result("a", 0, 0.3, True, words=(Word("a", 0, 0.3, 0.9),))
    assert voices.named(bare, SECOND_LINE) == bare
    assert labels(voices.named(said("e f g", "000").moved(10), THIRD_LINE)) == "111"


def test_what_is_heard_again_for_a_gap_has_voices_of_its_own() -> None:
    voices = LegVoices()
    voices.named(said("a b", "01"), FIRST_LINE)
    again = voices.apart([said("c d", "01"), said("e", "1")])
    assert [labels(result) for result in again] == ["23", "3"]
    assert labels(voices.named(said("f", "2").moved(3), FIRST_LINE)) == "4"


def test_a_leg_keeps_its_voices_over_a_drop_in_the_middle_of_a_sentence() -> None:
    sim = simulation(FIRST)
    core = sim.core
    sim.open(sim.asked[0])
    first = core.active
    assert first is not None
    for _ in range(40):
        sim.speak(100)
        sim.pass_time(0.1)
    sim.say(first, said("un deux", "01"))
    sim.say(first, said("a b c d", "1111", 1.0, final=False))
    settled = core.settled
    sim.fail(first)
    sim.pass_time(0.3)
    sim.open(sim.asked[0])
    second = core.active
    assert second is not None
    assert second.base == settled
    sim.pass_time(4)
    sim.say(second, said("a b c d", "0000", 1.0 - settled / RATE))
    sim.say(second, said("x y", "11", 2.8 - settled / RATE))
    told = [event for event in sim.told if isinstance(event, Result)]
    assert [labels(result) for result in told] == ["01", "1111", "1111", "22"]
    assert not [event for event in sim.told if isinstance(event, Repaired)]
    assert labels_of(told[-1]) == ["2"]
