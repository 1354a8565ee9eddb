"""Which gap is heard again, by which engine, and when: no sockets, no tasks, no clock.

Places are samples on the leg's own clock; ``now`` is monotonic seconds. One stretch is heard at a
time, by the first engine that can be tried; a long gap is repaired in parts, each by itself. What
nobody can hear stays a gap. May import ``errors``, ``transcript`` and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from callscribe.engines.resilient.clip import within
from callscribe.engines.resilient.quiet import REACH
from callscribe.engines.resilient.rules import Patience, Rung, Tries
from callscribe.errors import CallscribeError
from callscribe.transcript import Result

PART: Final = 30.0
"""Seconds of a gap that are heard at once, at most."""
MARGIN: Final = 1.0
"""Seconds around a part that may be heard too: a word at its edge is then heard whole."""

Quiet = Callable[[int, int, int], int]
"""Where to cut the audio near a sample, no sooner than one and no later than another."""


@dataclass(slots=True, eq=False)
class Hole:
    """A gap that may still be repaired, or a part of it."""

    start: int
    end: int
    baffled: set[int] = field(default_factory=set)
    """The engines that have heard it and could not turn it into words."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A hole, to be heard by one engine; ``heard``, ``failed`` or ``baffled`` is to follow."""

    hole: Hole
    by: int
    """Which of the engines."""


class Repairs:
    """The gaps of one leg, and the engines that may hear them again, the best one first."""

    def __init__(
        self,
        rungs: Sequence[Rung],
        rate: int,
        patience: Patience,
        jitter: Callable[[], float],
        quiet: Quiet = lambda near, _low, _high: near,
    ) -> None:
        self.rungs = rungs
        self.rate = rate
        self._margin = int(MARGIN * rate)
        self._quiet = quiet
        self._tries = [Tries(patience, jitter) for _ in rungs]
        self._holes: list[Hole] = []
        self._running: Repair | None = None

    def add(self, start: float, end: float) -> None:
        """Nobody heard this stretch (leg seconds)."""
        first, last = round(start * self.rate), round(end * self.rate)
        if not self.rungs:
            return
        part, reach = int(PART * self.rate), int(REACH * self.rate)
        while first < last:
            end = last
            if last - first > part:
                end = self._quiet(first + part - reach, first + part - 2 * reach, first + part)
            self._holes.append(Hole(first, end))
            first = end

    @property
    def first(self) -> int | None:
        """The first sample that is still needed, also for those who refuse now."""
        count = len(self.rungs)
        needed = [hole.start for hole in self._holes if len(hole.baffled) < count]
        return max(min(needed) - self._margin, 0) if needed else None

    @property
    def is_idle(self) -> bool:
        """Nothing will be heard again, as far as one knows."""
        return self._running is None and not any(map(self._able, self._holes))

    def forget(self, until: int) -> None:
        """The audio before ``until`` is gone, and with it what needs it."""
        self._holes = [hole for hole in self._holes if hole.start >= until]

    def due(self, now: float) -> Repair | None:
        """What is to be heard now, of the oldest gap first; None while another part is."""
        if self._running is not None:
            return None
        for hole in self._holes:
            for by in self._able(hole):
                if self._tries[by].at <= now:
                    self._running = Repair(hole, by)
                    return self._running
        return None

    def deadline(self) -> float | None:
        """When something may be due, monotonic; None while nothing is, or a part is heard."""
        if self._running is not None:
            return None
        times = [self._tries[by].at for hole in self._holes for by in self._able(hole)]
        return min(times, default=None)

    def span(self, repair: Repair, end: int) -> tuple[int, int]:
        """What to have heard where there is audio before ``end``: a word at an edge is whole."""
        hole = repair.hole
        first = self._quiet(hole.start, max(hole.start - self._margin, 0), hole.start)
        return first, min(hole.end + self._margin, end)

    def heard(self, repair: Repair, results: Sequence[Result]) -> tuple[Result, ...] | None:
        """It was heard, with these finals (leg seconds); what of them was said in the hole.

        None where there is no such hole any more.
        """
        self._running = None
        self._tries[repair.by].lasted()
        hole, rate = repair.hole, self.rate
        if hole not in self._holes:
            return None
        self._holes.remove(hole)
        said: list[Result] = []
        settled = hole.start / rate
        for result in results:
            new = within(result, settled, hole.end / rate) if result.text else None
            if new is not None:
                said.append(new)
                settled = max(settled, new.end)  # who repeats words says them once
        return tuple(said)

    def failed(self, repair: Repair, error: CallscribeError, now: float) -> None:
        """The engine could not be asked, or was lost."""
        self._running = None
        self._tries[repair.by].failed(error, now)

    def baffled(self, repair: Repair) -> None:
        """The engine heard it and could not turn it into words: the next one may."""
        self._running = None
        repair.hole.baffled.add(repair.by)

    def forgive(self, provider: str, now: float) -> None:
        """Whose service listens again may be asked soon; others that refused, at their time."""
        for rung, tries in zip(self.rungs, self._tries, strict=True):
            if rung.provider == provider:
                tries.hurry(now)
            else:
                tries.forgive()

    def _able(self, hole: Hole) -> list[int]:
        """The engines that may hear a gap, now or later."""
        return [
            by
            for by, tries in enumerate(self._tries)
            if tries.refused is None and by not in hole.baffled
        ]
