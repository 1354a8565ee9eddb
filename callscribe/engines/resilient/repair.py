"""Which gap is heard again, by which engine, and when: no sockets, no tasks, no clock.

Places are samples on the leg's own clock; ``now`` is monotonic seconds. One stretch is heard at a
time, by the first engine that can be tried; a long gap is heard in parts. What nobody can hear
stays a gap. May import ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from callscribe.engines.resilient.clip import within
from callscribe.engines.resilient.rules import Patience, Rung, Tries
from callscribe.errors import CallscribeError
from callscribe.transcript import Result

PART: Final = 30.0
"""Seconds of a gap that are heard at once, at most."""
MARGIN: Final = 1.0
"""Seconds around a part that are heard too: a word at its edge is then heard whole."""


@dataclass(slots=True, eq=False)
class Hole:
    """A gap that may still be repaired."""

    start: int
    end: int
    done: int
    """The first sample that has not been heard again."""
    results: list[Result] = field(default_factory=list)
    """What was said before ``done``, on the leg's clock."""
    baffled: set[int] = field(default_factory=set)
    """The engines that have heard it and could not turn it into words."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One part of a gap, to be heard by one engine; ``heard`` or ``failed`` is to follow."""

    hole: Hole
    by: int
    """Which of the engines."""
    start: int
    end: int


class Repairs:
    """The gaps of one leg, and the engines that may hear them again, the best one first."""

    def __init__(
        self, rungs: Sequence[Rung], rate: int, patience: Patience, jitter: Callable[[], float]
    ) -> None:
        self.rungs = rungs
        self.rate = rate
        self._margin = int(MARGIN * rate)
        self._tries = [Tries(patience, jitter) for _ in rungs]
        self._holes: list[Hole] = []
        self._running: Repair | None = None

    def add(self, start: float, end: float) -> None:
        """Nobody heard this stretch (leg seconds)."""
        first, last = round(start * self.rate), round(end * self.rate)
        if self.rungs and last > first:
            self._holes.append(Hole(first, last, first))

    @property
    def first(self) -> int | None:
        """The first sample that is still needed."""
        needed = [hole.done for hole in self._holes if self._able(hole)]
        return max(min(needed) - self._margin, 0) if needed else None

    @property
    def is_idle(self) -> bool:
        """Nothing will be heard again, as far as one knows."""
        return self._running is None and not any(map(self._able, self._holes))

    def forget(self, until: int) -> None:
        """The audio before ``until`` is gone, and with it what needs it."""
        self._holes = [hole for hole in self._holes if hole.done >= until]

    def due(self, now: float) -> Repair | None:
        """What is to be heard now, of the oldest gap first; None while another part is."""
        if self._running is not None:
            return None
        for hole in self._holes:
            for by in self._able(hole):
                if self._tries[by].at <= now:
                    end = min(hole.end, hole.done + int(PART * self.rate))
                    self._running = Repair(hole, by, hole.done, end)
                    return self._running
        return None

    def deadline(self) -> float | None:
        """When something may be due, monotonic; None while nothing is, or a part is heard."""
        if self._running is not None:
            return None
        times = [self._tries[by].at for hole in self._holes for by in self._able(hole)]
        return min(times, default=None)

    def span(self, repair: Repair, end: int) -> tuple[int, int]:
        """What to have heard for a part where there is audio before ``end``: a little more."""
        hole = repair.hole
        first = max(hole.start, repair.start - self._margin)
        return first, min(repair.end + self._margin, end)

    def heard(self, repair: Repair, results: Sequence[Result]) -> Hole | None:
        """A part was heard, with these finals (leg seconds); the gap where that is all of it."""
        self._running = None
        self._tries[repair.by].lasted()
        hole, rate = repair.hole, self.rate
        found = (within(r, repair.start / rate, repair.end / rate) for r in results if r.text)
        hole.results += [result for result in found if result is not None]
        hole.done = repair.end
        if hole.done < hole.end or hole not in self._holes:
            return None
        self._holes.remove(hole)
        return hole

    def failed(self, repair: Repair, error: CallscribeError, now: float) -> None:
        """The engine could not be asked, or was lost."""
        self._running = None
        self._tries[repair.by].failed(error, now)

    def baffled(self, repair: Repair) -> None:
        """The engine heard it and could not turn it into words: the next one may."""
        self._running = None
        repair.hole.baffled.add(repair.by)

    def _able(self, hole: Hole) -> list[int]:
        """The engines that may hear a gap, now or later."""
        return [
            by
            for by, tries in enumerate(self._tries)
            if tries.refused is None and by not in hole.baffled
        ]
