"""What counts as lost, doubled and moved, and how long text stood still."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.chaos_words import (
    Placed,
    compare,
    inside,
    joined,
    longest_without_text,
    outside,
    placed,
)
from callscribe.transcript import Word


def said(text: str, start: float = 0.0, step: float = 0.4) -> list[Placed]:
    found = []
    for index, word in enumerate(text.split()):
        at = start + index * step
        found.append(Placed(word, at, at + 0.3))
    return found


CALM = said("the boiler is cold and the light is red")


def counts(before: list[Placed], after: list[Placed]) -> dict[str, int]:
    """How many there are of each difference, as far as there are any."""
    found = {name: len(words) for name, words in vars(compare(before, after)).items()}
    return {name: number for name, number in found.items() if number}


def texts(words: Any) -> list[str]:
    return [word.text for word in words]


def test_the_same_is_no_difference() -> None:
    assert counts(CALM, CALM) == {}


def test_words_with_nothing_in_their_place_are_lost() -> None:
    after = CALM[:3] + CALM[5:]
    assert texts(compare(CALM, after).lost) == ["cold", "and"]
    assert counts(CALM, after) == {"lost": 2}


def test_another_word_in_the_place_is_heard_differently() -> None:
    other = [*CALM[:3], CALM[3]._replace(text="gold"), *CALM[4:]]
    found = compare(CALM, other)
    assert [(old.text, new.text) for old, new in found.other] == [("cold", "gold")]
    assert counts(CALM, other) == {"other": 1}


def test_another_word_somewhere_else_is_not_in_the_place() -> None:
    found = compare(said("yes"), said("no", start=3))
    assert (texts(found.lost), texts(found.extra)) == (["yes"], ["no"])


def test_two_words_heard_as_one_are_not_lost() -> None:
    said_so = said("il y a de la place", step=0.3)
    as_one = [said_so[0], Placed("ya", 0.3, 0.9), *said_so[3:]]
    assert counts(said_so, as_one) == {"merged": 1, "other": 1}


def test_half_a_written_word_is_that_word_heard_differently() -> None:
    said_so = placed([Word("travail", 0.0, 0.4, 0.9), Word("l'ensemble", 0.5, 0.9, 0.9)])
    half = placed([Word("travail", 0.0, 0.4, 0.9), Word("ensemble", 0.5, 0.9, 0.9)])
    assert counts(said_so, half) == {"merged": 1}
    assert texts(compare(said_so, half[:1]).lost) == ["l", "ensemble"]


def test_parts_of_what_is_written_as_one_are_not_moved() -> None:
    apart = said("06 39 98 45", step=0.8)
    as_one = placed([Word("06-39-98-45", 0.0, 2.7, 0.9)])
    assert counts(apart, as_one) == {}
    assert counts(apart, placed([Word("06-39-98-45", 2.0, 4.7, 0.9)])).keys() >= {"moved"}


def test_a_word_is_lost_whose_time_a_neighbour_got() -> None:
    said_so = said("je ne veux pas payer", step=0.3)
    left_out = [*said_so[:2], said_so[2]._replace(end=1.2), said_so[4]]
    assert texts(compare(said_so, left_out).lost) == ["pas"]
    assert counts(said_so, left_out) == {"lost": 1}


@pytest.mark.parametrize("late", [0.0, 0.2])
def test_a_phrase_that_is_there_twice_is_doubled(late: float) -> None:
    again = [word._replace(start=word.start + late, end=word.end + late) for word in CALM[3:6]]
    after = sorted(CALM + again, key=lambda word: word.middle)
    assert sorted(texts(compare(CALM, after).doubled)) == ["and", "cold", "the"]
    assert counts(CALM, after) == {"doubled": 3}


def test_a_further_word_that_repeats_none_is_extra() -> None:
    found = compare(CALM, [*CALM, Placed("so", 9, 9.3)])
    assert (texts(found.extra), found.doubled) == (["so"], [])


def test_a_word_at_another_time_is_moved() -> None:
    late = [word._replace(start=word.start + 0.8, end=word.end + 0.8) for word in CALM]
    assert len(compare(CALM, late).moved) == len(CALM)
    near = [word._replace(start=word.start + 0.4, end=word.end + 0.4) for word in CALM]
    assert not compare(CALM, near).moved


@given(st.sets(st.integers(0, 8)))
def test_whatever_is_taken_out_is_what_is_lost(gone: set[int]) -> None:
    found = compare(CALM, [word for at, word in enumerate(CALM) if at not in gone])
    assert len(found.lost) == len(gone)


def test_words_in_and_beside_gaps() -> None:
    gaps = [(1.2, 2.2)]
    assert texts(outside(CALM, gaps)) == ["the", "boiler", "light", "is", "red"]
    assert texts(inside(CALM, gaps)) == ["and"]


def test_words_as_they_are_compared() -> None:
    words = [Word("l'écran,", 1.0, 1.5, 0.9), Word("Oui.", 0.2, 0.4, 0.9)]
    assert placed(words) == [("oui", 0.2, 0.4), ("l", 1.0, 1.5), ("écran", 1.0, 1.5)]


def test_speech_that_passes_without_text() -> None:
    spoken = [(0.0, 2.0), (10.0, 14.0)]
    assert longest_without_text(spoken, [])[0] == 6.0
    assert longest_without_text(spoken, [1.0, 2.5, 11.0])[0] == 3.0  # pauses do not count
    assert longest_without_text(spoken, [1.0, 10.5]) == (3.5, 14.0)
    assert longest_without_text([(0, 1), (2, 3)], [0.5])[0] == 1.5  # nor do they end it


def test_spans_that_touch_are_one() -> None:
    assert joined([(3, 4), (0, 2), (1, 3)]) == [(0, 4)]
