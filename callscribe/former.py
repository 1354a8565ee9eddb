"""A leg that goes on with a recording of which a client has kept what is not written down.

Core: imports nothing of ours. Samples are counted from the first one of the recording.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

ASLEEP: Final = 3.0
"""Seconds that a client's samples may be behind the clock before the clock is believed."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a client has of its recording: ``id`` names it, over all of its legs.

    Before ``settled`` all is written down, by what a server said last; ``kept`` is the first sample
    that the client still has.
    """

    id: str
    settled: int
    kept: int


@dataclass(frozen=True, slots=True)
class Former:
    """The leg that a recording had last, which has ended.

    It began with the sample ``first`` at ``offset`` on the call clock (s); before ``written`` all
    is written down. Nothing of the recording is missing since ``since`` on that clock, but what
    that leg did not write.
    """

    offset: float
    sample_rate: int
    first: int
    written: int
    since: float


@dataclass(frozen=True, slots=True)
class Place:
    """How a leg goes on with a recording: its client leaves out ``skip`` of what it has kept.

    By the former leg's samples it begins at ``offset`` on the call clock (s). If it is ``whole``,
    all between ``since`` and its beginning is written down, or was silence.
    """

    skip: int
    offset: float
    since: float
    whole: bool

    def begins(self, clock: float) -> float:
        """Where it begins, if it seems to be at ``clock`` by when it was spoken (call clock, s).

        Samples are exact, unless a client had none for a while: one that slept.
        """
        return self.offset if abs(self.offset - clock) < ASLEEP else clock


def place(former: Former, kept: Recording) -> Place:
    """How a leg goes on whose client has this."""
    written = max(former.written, kept.settled)
    skip = max(written - kept.kept, 0)
    offset = former.offset + (kept.kept + skip - former.first) / former.sample_rate
    return Place(skip, max(offset, 0.0), former.since, whole=kept.kept <= written)


class Settling:
    """How much of a leg may be forgotten: what is settled, once all that was told by then is kept.

    ``samples`` never goes back.
    """

    def __init__(self) -> None:
        self.samples = 0
        self._marks: deque[tuple[int, int]] = deque()

    def look(self, settled: int, seq: int, kept_below: int) -> int:
        """What may be forgotten now.

        ``settled`` samples were when the session's latest event had the number ``seq``; its events
        below ``kept_below`` are on disk.
        """
        if settled > (self._marks[-1][1] if self._marks else self.samples):
            self._marks.append((seq, settled))
        while self._marks and self._marks[0][0] < kept_below:
            self.samples = self._marks.popleft()[1]
        return self.samples
