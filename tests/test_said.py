"""What was said, partly packed: as a list would have it."""

from __future__ import annotations

import asyncio
import copy
import tracemalloc
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callscribe.said import LATE, PAGE, Said
from callscribe.shelf import Page, Shelf
from callscribe.transcript import Transcript, Utterance, Word

pytestmark = pytest.mark.anyio

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
        ours.drop(f"agent-{number}")
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


def test_what_is_given_at_once_is_packed_when_it_is_asked() -> None:
    put = [one(number, float(number)) for number in range(100)]
    said = Said(put)
    assert (said.packed, said) == (0, put)
    said.pack()
    assert said.packed == (100 - LATE) // PAGE * PAGE
    assert said == put
    assert said != put[:-1]
    assert repr(said) == repr(put)


names = st.sampled_from([("agent", "technician"), ("agent", "b"), ("technician", "b")])


@given(st.lists(st.tuples(st.integers(0, 20), names), max_size=6))
def test_speakers_exchange_their_names(steps: list[tuple[int, tuple[str, str]]]) -> None:
    ours, theirs = Said(), list[Utterance]()
    for count, (a, b) in [*steps, (3, ("agent", "b"))]:
        for _ in range(count):
            utterance = one(len(theirs), float(len(theirs)), a)
            ours.put(utterance)
            theirs.append(utterance)
        before, kept = copy.copy(ours), theirs[:]
        swapped = {a: b, b: a}
        ours.rename(swapped)
        theirs = [replace(u, speaker=swapped.get(u.speaker, u.speaker)) for u in theirs]
        assert ours == theirs
        assert before == kept
        for speaker in ("agent", "technician", "b"):
            found = next((u for u in ours.back(but_by=speaker) if u.speaker != speaker), None)
            others = [u for u in theirs if u.speaker != speaker]
            assert found == (others[-1] if others else None)
    ours.put(one(9_999, 0.5, "late"))
    assert [u.speaker for u in ours if u.utterance_id == "agent-9999"] == ["late"]
    assert sorted(u.speaker for u in ours if u.speaker != "late") == sorted(
        u.speaker for u in theirs
    )


@given(st.lists(st.floats(0, 50), min_size=1, max_size=60), st.floats(0, 60), st.floats(0, 60))
def test_what_lies_between_two_times_is_found_without_reading_all(
    starts: list[float], since: float, until: float
) -> None:
    said = Said()
    for number, start in enumerate(starts):
        said.put(one(number, start))

    def lies(utterance: Utterance) -> bool:
        return utterance.start <= until and utterance.end >= since

    assert list(filter(lies, said.back(since, until))) == list(filter(lies, reversed(said)))


def test_pages_that_nobody_needs_are_not_read() -> None:
    said = Said()
    for number in range(10 * PAGE):
        said.put(one(number, float(number)))
    assert len(list(said.back(20.0, 21.0))) <= 2 * PAGE + LATE + PAGE
    assert len(list(said.back(but_by="agent"))) < LATE + PAGE


def test_much_that_comes_late_is_packed_in_pages_as_ever() -> None:
    said = Said()
    for number in range(40):
        said.put(one(number, float(number)))
    for number in range(40, 400):
        assert said[said.put(one(number, 20 + number / 1000))].utterance_id == f"agent-{number}"
    assert max(packed.size for packed in said._pages) < 2 * PAGE
    assert [u.start for u in said] == sorted(u.start for u in said)
    assert len(said) == 400


def test_what_is_no_number_hides_nothing() -> None:
    said = Said()
    said.put(replace(one(0, 0.0), end=float("nan")))
    said.put(replace(one(1, 1.0), start=float("nan")))
    for number in range(2, 3 * PAGE):
        said.put(replace(one(number, float(number)), end=number + 90.0 / number))
    assert said.packed
    assert said.until == 47.0
    assert [u.utterance_id for u in said.back(2.0, 2.0)][-2:] == ["agent-1", "agent-0"]


def test_what_cannot_be_read_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Page) -> list[Utterance]:
        raise OSError("the disk is broken")

    transcript = Transcript("call")
    for number in range(40):
        transcript.add(one(number, float(number)))
    before = list(transcript.utterances)
    transcript.utterances._open = (None, ())
    monkeypatch.setattr(Page, "read", broken)
    for lost in (lambda: transcript.add(one(99, 0.5)), lambda: transcript.drop("agent-0")):
        with pytest.raises(OSError, match="broken"):
            lost()
    monkeypatch.undo()
    assert transcript.utterances == before
    transcript.drop("agent-0")
    assert transcript.utterances == before[1:]


async def test_a_copy_is_its_owner_s_in_any_thread(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, memory=0)
    transcript = Transcript("call", shelf=shelf)
    for number in range(60):
        transcript.add(one(number, float(number)))
        await asyncio.sleep(0)
    mine = transcript.copy()

    def change() -> None:
        mine.swap("agent", "technician")
        for number in range(60, 100):
            mine.add(one(number, 3.5))

    await asyncio.to_thread(change)
    assert (len(transcript.utterances), len(mine.utterances)) == (60, 100)
    assert transcript.speakers == ["agent"]
    await shelf.close()


def test_a_page_is_dropped_with_its_last_utterance() -> None:
    said = Said()
    for number in range(3 * PAGE):
        said.put(one(number, float(number)))
    for number in range(PAGE, 2 * PAGE):
        said.drop(f"agent-{number}")
    said.drop("agent-none")
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
