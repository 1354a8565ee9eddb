"""What was said, partly packed: as a list would have it."""

from __future__ import annotations

import copy
import tracemalloc
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callscribe.said import AT_ONCE, LATE, PAGE, Said
from callscribe.shelf import Shelf
from callscribe.transcript import Utterance, Word

began = attrgetter("start")


def one(number: int, start: float, speaker: str = "agent") -> Utterance:
    words = (Word(f"mot{number}", start, start + 0.4, 0.9123),)
    return Utterance(f"agent-{number}", speaker, words[0].text, start, start + 0.5, words, 0.9)


@given(
    st.lists(st.integers(-60, 3), max_size=4 * PAGE),
    st.lists(st.integers(0, 5 * PAGE), max_size=3 * PAGE),
    st.data(),
)
def test_it_is_a_list_in_order(lates: list[int], drops: list[int], data: st.DataObject) -> None:
    ours, theirs = Said(), list[Utterance]()

    def put(said: Utterance) -> None:
        ours.put(said)
        place = len(theirs)
        while place and theirs[place - 1].start > said.start:
            place -= 1
        theirs.insert(place, said)

    for number in range(3 * PAGE):
        put(one(number, float(number)))
    for number, late in enumerate(lates, 3 * PAGE):
        put(one(number, float(max(number + late, 0))))
    kept = copy.copy(ours), theirs[:]
    for number in drops:
        found = [at for at, said in enumerate(theirs) if said.utterance_id == f"agent-{number}"]
        assert ours.drop(f"agent-{number}") is bool(found)
        for at in found:
            del theirs[at]
    assert ours == theirs
    assert list(reversed(ours)) == theirs[::-1]
    assert len(ours) == len(theirs)
    assert ours.until == max([0.0, *(said.end for said in theirs)])
    for at in data.draw(st.lists(st.integers(-len(theirs), len(theirs) - 1)), label="places"):
        assert ours[at] == theirs[at]
    assert ours[2:-1] == theirs[2:-1]
    assert kept[0] == kept[1], "a copy stays as it was"


def test_the_latest_are_as_they_were_put() -> None:
    said = Said()
    put = [one(number, float(number)) for number in range(LATE + 3 * PAGE + 5)]
    for utterance in put:
        said.put(utterance)
    assert said.packed == 3 * PAGE
    assert said[-1] is put[-1]
    assert said[said.packed] is put[said.packed]
    assert said[0] == put[0]
    for place in (len(said), -len(said) - 1):
        with pytest.raises(IndexError):
            said[place]


def test_what_is_given_at_once_is_packed_bit_by_bit_as_others_come() -> None:
    put = [one(number, float(number)) for number in range(110)]
    said = Said(put[:100])
    assert (said.packed, said) == (0, put[:100])
    packed = []
    for utterance in put[100:]:
        said.put(utterance)
        packed.append(said.packed)
    assert packed[:2] == [AT_ONCE * PAGE, 2 * AT_ONCE * PAGE]
    assert packed[-1] == (110 - LATE) // PAGE * PAGE
    assert said == put
    assert said != put[:-1]
    assert repr(said) == repr(put)


def test_all_are_changed() -> None:
    said = Said()
    for number in range(90):
        said.put(one(number, float(number)))
    before = copy.copy(said)
    said.change_all(lambda one: replace(one, speaker="technician"))
    assert {utterance.speaker for utterance in said} == {"technician"}
    assert {utterance.speaker for utterance in before} == {"agent"}
    assert len(said) == 90
    assert said.packed


def test_a_page_is_dropped_with_its_last_utterance() -> None:
    said = Said()
    for number in range(3 * PAGE):
        said.put(one(number, float(number)))
    for number in range(PAGE, 2 * PAGE):
        said.drop(f"agent-{number}")
    numbers = [*range(PAGE), *range(2 * PAGE, 3 * PAGE)]
    assert [utterance.start for utterance in said] == numbers
    assert said[PAGE].start == 2 * PAGE


def test_a_long_call_takes_little_memory() -> None:
    def filled(count: int) -> Said:
        said = Said(shelf=Shelf())
        for number in range(count):
            said.put(one(number, float(number)))
        return said

    filled(200)
    tracemalloc.start()
    try:
        long = filled(2_000)
        traced = tracemalloc.get_traced_memory()[0]
        as_it_was = list(map(replace, long))
        assert tracemalloc.get_traced_memory()[0] - traced > 3 * traced
    finally:
        tracemalloc.stop()
    assert sorted(as_it_was, key=began) == long
