"""The same words are recognised as the same by time."""

from __future__ import annotations

from msgspec.structs import replace

from callscribe.engines.resilient.clip import clipped, delayed, within
from callscribe.transcript import Result, Word

WORDS = tuple(Word(t, s, s + 0.4, 0.8) for t, s in [("oui", 1.0), ("bonjour,", 1.5), ("vous", 2.0)])
RESULT = Result("oui bonjour, vous", 1.0, 2.4, True, words=WORDS, confidence=0.8, until=3.0)


def test_what_is_new_stays_as_it_is() -> None:
    assert clipped(RESULT, 0.5) is RESULT
    assert clipped(RESULT, 1.15) is RESULT  # less than half of the first word


def test_a_word_whose_middle_is_just_where_the_last_final_ended_is_new() -> None:
    assert clipped(RESULT, 1.2 + 1e-12).words == WORDS  # as times differ by another clock


def test_words_that_were_final_are_left_out() -> None:
    found = clipped(RESULT, 1.45)
    assert found.text == "bonjour, vous"
    assert (found.start, found.end, found.until) == (1.5, 2.4, 3.0)


def test_nothing_may_be_left() -> None:
    found = clipped(RESULT, 2.6)
    assert (found.text, found.words, found.start, found.end) == ("", (), 2.6, 2.6)
    assert found.is_final


def test_the_words_of_a_stretch_alone() -> None:
    assert within(RESULT, 0.5, 3.0) is RESULT
    found = within(RESULT, 1.25, 2.1)
    assert found is not None
    assert (found.text, found.start, found.end) == ("bonjour,", 1.5, 1.9)
    assert within(RESULT, 3.0, 9.0) is None


def test_a_result_without_words_is_where_its_middle_is() -> None:
    bare = Result("oui", 1.0, 2.0, True)
    assert within(bare, 1.5, 3.0) is bare
    assert within(bare, 0.0, 1.5) is None


def test_the_latency_counts_from_when_the_audio_came() -> None:
    assert delayed(RESULT, 3.0) is RESULT, "it has none"
    timely = replace(RESULT, latency_ms=200.0)
    assert delayed(timely, 0.0) is timely
    assert delayed(timely, 1.5).latency_ms == 1700.0
