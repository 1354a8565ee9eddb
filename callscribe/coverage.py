"""How much of a call's audio was heard. Core: no I/O, imports nothing of ours.

All times are float seconds on the call clock.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

Span = tuple[float, float]


class Coverage:
    """Counts, line by line, the audio of all legs and what of it nobody heard.

    Audio that did not even arrive, and is said to be a gap, counts like audio that did.
    """

    def __init__(self) -> None:
        self._legs: defaultdict[int, list[Span]] = defaultdict(list)
        self._gaps: dict[int, tuple[int, Span]] = {}
        self._lost: dict[int, list[Span]] = {}
        """The gaps of each line, joined; made anew when there is another one."""

    def begin(self, line: int, offset: float) -> None:
        """A leg begins at ``offset``."""
        self._legs[line].append((offset, offset))

    def reach(self, line: int, until: float) -> None:
        """The line's latest leg has audio up to ``until``."""
        legs = self._legs[line]
        if legs and legs[-1][1] < until < math.inf:
            legs[-1] = (legs[-1][0], until)

    def end(self, line: int, seconds: float) -> None:
        """The line's latest leg had so many ``seconds`` of audio."""
        if self._legs[line]:
            self.reach(line, self._legs[line][-1][0] + seconds)

    def miss(self, seq: int, line: int, start: float, end: float) -> None:
        """Nobody heard this; ``seq`` names the gap."""
        self._gaps[seq] = (line, (start, end))
        self._lost.clear()

    def find(self, seq: int) -> Span | None:
        """The gap was heard after all; where it was, None where it is not known."""
        self._lost.clear()
        found = self._gaps.pop(seq, None)
        return found and found[1]

    @property
    def percent(self) -> float:
        """What was heard, 100 where nothing has come yet; never rounded up."""
        if not self._gaps:
            return 100.0
        if not self._lost:
            of_line: defaultdict[int, list[Span]] = defaultdict(list)
            for line, span in self._gaps.values():
                of_line[line].append(span)
            self._lost = {line: _joined(spans) for line, spans in of_line.items()}
        lost = sum(_length(spans) for spans in self._lost.values())
        lines = self._legs.keys() | self._lost.keys()
        total = sum(
            _length(_joined([*self._legs.get(line, []), *self._lost.get(line, [])]))
            for line in lines
        )
        return math.floor(1000 * (total - lost) / total) / 10 if total else 100.0


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same, none overlapping another."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _length(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)
