"""When silence is sought in what a leg keeps, in which audio, and what the core is told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from callscribe.engines.base import StreamOptions
from callscribe.engines.resilient.actions import Line
from callscribe.engines.resilient.core import Core
from callscribe.engines.resilient.onset import BEHIND, LEAD, MOST, Onset
from callscribe.engines.resilient.rules import Patience
from callscribe.engines.resilient.seeking import BEFORE, SilenceSearch, behind_sound
from callscribe.engines.resilient.tape import Tape
from tests.engines.resilient.simulation import FIRST, SECOND

pytestmark = pytest.mark.anyio
RATE = 1000
LONG = StreamOptions(endpointing_ms=1900)


class Ear(Onset):
    """Hears the same silence in all that it is given; it may break."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[int, int]] = []
        """The first sample, whose value is its place in hundredths, and how many."""
        self.spans: list[tuple[int, int]] = []
        self.breaks = False

    def pauses(
        self, samples: NDArray[np.int16], rate: int, behind: float = BEHIND
    ) -> list[tuple[int, int]]:
        assert (rate, behind) == (RATE, pytest.approx(1.5))
        self.given.append((int(samples[0]) * 100, len(samples)))
        if self.breaks:
            raise RuntimeError("a bug")
        return self.spans


class Leg:
    """A core whose first engine listens, late, and what is kept for it."""

    def __init__(self, ear: Ear | None) -> None:
        self.core = Core([FIRST, SECOND], RATE, Patience(), lambda: 0.5)
        self.tape = Tape(RATE, 2, memory=60.0, most=60.0)
        self.woken = 0
        self.search = SilenceSearch(ear, self.core, self.tape, LONG, self._wake)
        self.line = self.core.active = Line(0, 0.0, opened_at=0.0)

    def _wake(self) -> None:
        self.woken += 1

    def speak(self, seconds: float) -> None:
        """Each sample's value is its place, in hundredths."""
        first = self.core.received
        places = np.arange(first, first + int(seconds * RATE)) // 100
        self.tape.append(places.astype("<i2").tobytes())
        sent = self.line.sent
        self.core.audio(len(places))
        self.line.sent = sent

    async def look(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self.search.seek_pauses(tasks)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def late(ear: Ear) -> Leg:
    leg = Leg(ear)
    leg.speak(8.0)
    return leg


async def test_a_late_line_is_spared_the_pauses(ear: Ear, late: Leg) -> None:
    ear.spans = [(1000, 2000), (5000, 6000)]
    await late.look()
    assert ear.given == [(0, 8000)]
    assert late.line.pauses == [(1000, 2000), (5000, 6000)]
    assert late.woken == 1


async def test_only_what_is_new_is_looked_through_then_and_a_little_before(
    ear: Ear, late: Leg
) -> None:
    await late.look()
    late.speak(0.5)
    await late.look()
    assert len(ear.given) == 1, "that is too little"
    late.speak(0.5)
    ear.spans = [(100, 700)]
    await late.look()
    start = 8000 - int(BEFORE * RATE)
    assert ear.given[1] == (start, 3000)
    assert late.line.pauses == [(start + 100, start + 700)]


async def test_another_line_is_told_anew(ear: Ear, late: Leg) -> None:
    await late.look()
    late.line = late.core.active = Line(0, 0.0, opened_at=0.0)
    late.line.base = late.line.sent = 3000
    await late.look()
    assert ear.given[1] == (1000, 7000)


async def test_much_is_looked_through_in_parts(ear: Ear, late: Leg) -> None:
    late.speak(MOST)
    await late.look()
    await late.look()
    assert [many for _, many in ear.given] == [int(MOST * RATE), int((8 + BEFORE) * RATE)]


async def test_who_is_not_late_hears_all(ear: Ear) -> None:
    leg = Leg(ear)
    leg.speak(0.9)
    await leg.look()
    leg.core.active = None
    leg.speak(9.0)
    await leg.look()
    leg.core.active = Line(1, 0.0)  # it takes audio as fast as it comes
    await leg.look()
    without = Leg(None)
    without.speak(8.0)
    await without.look()
    assert not ear.given


async def test_one_search_at_a_time(ear: Ear, late: Leg) -> None:
    async with asyncio.TaskGroup() as tasks:
        late.search.seek_pauses(tasks)
        late.speak(5.0)
        late.search.seek_pauses(tasks)
    assert len(ear.given) == 1


async def test_where_it_breaks_all_is_heard(ear: Ear, late: Leg) -> None:
    ear.breaks = True
    await late.look()
    assert not late.line.pauses
    late.speak(2.0)
    ear.breaks = False
    await late.look()
    assert len(ear.given) == 2, "it may do better next time"


async def test_what_was_found_too_late_is_of_no_use(ear: Ear, late: Leg) -> None:
    ear.spans = [(1000, 2000)]
    async with asyncio.TaskGroup() as tasks:
        late.search.seek_pauses(tasks)
        late.core.active = Line(0, 0.0)
    assert not late.line.pauses


@pytest.mark.parametrize(
    ("options", "stays"),
    [
        (StreamOptions(), BEHIND + LEAD),
        (StreamOptions(query=(("utterance_end_ms", "1000"),)), BEHIND + LEAD),
        (StreamOptions(endpointing_ms=2000), 2.4),
        (StreamOptions(query=(("utterance_end_ms", "3000"), ("endpointing", "false"))), 3.4),
    ],
)
def test_a_pause_stays_long_enough_for_an_utterance_to_end(
    options: StreamOptions, stays: float
) -> None:
    assert behind_sound(options) + LEAD == pytest.approx(stays)
