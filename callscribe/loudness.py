"""How loud a leg was, over its last minutes: a level for each 50 ms, and what two legs' levels say.

Core: no I/O; imports ``audio``. Levels are dB below full scale (root mean square).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import log10
from typing import Final

import numpy as np

from callscribe.audio import FloatArray

BLOCKS: Final = 20
"""Levels in a second."""

KEPT: Final = 120
"""Seconds behind the latest audio for which levels are kept: the longest that a final may take."""

SILENCE: Final = -90.0

DEPTH: Final = 40.0
"""How far below its loudest a stretch is looked at (dB); what lies deeper is the line, not speech.
"""

SHORTEST: Final = 0.3
"""A stretch under this many seconds has no shape to compare."""

DRIFT: Final = 0.3
"""How far the lag of two shapes is sought around the one that the word times give (s)."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The levels of a stretch of one leg, by time on the call clock (s)."""

    start: float
    values: FloatArray

    def of(self, start: float, end: float) -> FloatArray:
        """Those between two times, as far as they are known."""
        first = max(round((start - self.start) * BLOCKS), 0)
        return self.values[first : max(round((end - self.start) * BLOCKS), first)]

    def mean(self, start: float, end: float) -> float | None:
        """The level of all that was heard between two times; None where that is not known."""
        part = self.of(start, end)
        if not len(part):
            return None
        # For every final: ``np.mean`` would take longer than all the rest.
        return 10.0 * log10(float(np.add.reduce(np.power(10.0, part / 10.0))) / len(part))


class Loudness:
    """Follows one leg. ``squares`` gives those of its samples, of which each has ``width`` bytes.

    Full scale is 1. Frames are gathered and measured every two seconds, or when somebody asks: the
    path of every frame only copies it. Memory does not grow.
    """

    def __init__(self, rate: int, width: int, squares: Callable[[bytes], FloatArray]) -> None:
        self._block = max(rate // BLOCKS, 1)
        self._seconds = self._block / rate
        self._width = width
        self._squares = squares
        self._mean = _mean(self._block)
        self._pending = bytearray()
        self._enough = self._block * width * BLOCKS * 2
        # Half the memory, and at most 0.04 dB off.
        self._ring = np.full(KEPT * BLOCKS, SILENCE, np.float16)
        self._count = 0

    def push(self, audio: bytes) -> None:
        """Takes whole samples."""
        self._pending += audio
        if len(self._pending) >= self._enough:
            self._measure()

    def levels(self, start: float, end: float, offset: float = 0.0) -> Levels | None:
        """What is known between two times of a leg that began at ``offset`` (call clock, s)."""
        self._measure()
        oldest = max(self._count - len(self._ring), 0)
        first = max(round((start - offset) / self._seconds), oldest)
        last = min(round((end - offset) / self._seconds), self._count)
        if first >= last:
            return None
        begin, end = first % len(self._ring), last % len(self._ring)
        if begin < end:  # nearly always
            values = self._ring[begin:end].astype(np.float32)
        else:
            values = np.concatenate([self._ring[begin:], self._ring[:end]]).astype(np.float32)
        return Levels(first * self._seconds + offset, values)

    def _measure(self) -> None:
        count = len(self._pending) // (self._block * self._width)
        if not count:
            return
        size = count * self._block * self._width
        blocks = self._squares(bytes(self._pending[:size])).reshape(count, self._block)
        del self._pending[:size]
        levels = np.maximum(10.0 * np.log10(blocks @ self._mean + 1e-12), SILENCE)
        self._count += count
        levels = levels[-len(self._ring) :]
        begin = (self._count - len(levels)) % len(self._ring)
        before = min(len(levels), len(self._ring) - begin)
        self._ring[begin : begin + before] = levels[:before]
        self._ring[: len(levels) - before] = levels[before:]


@cache
def _mean(size: int) -> FloatArray:
    """What as many values are multiplied by, and added up, for their mean."""
    return np.full(size, 1 / size, np.float32)


def likeness(left: Levels, right: Levels, start: float, end: float, lag: float) -> float | None:
    """How alike the rise and fall of two legs is, -1 to 1: one voice has one shape on both.

    ``right`` from ``start`` to ``end``, ``left`` about ``lag`` seconds later. Gain plays no part.
    None where too little is known.
    """
    theirs = right.of(start, end)
    mine = left.of(start + lag - DRIFT, end + lag + DRIFT)
    if len(theirs) < SHORTEST * BLOCKS or len(mine) < len(theirs):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(_seen(mine), len(theirs))
    mine_around = windows - windows.mean(axis=1, keepdims=True)
    shape = _seen(theirs) - _seen(theirs).mean()
    power = (mine_around**2).sum(axis=1) * (shape**2).sum()
    return float(np.max((mine_around @ shape) / np.sqrt(power + 1e-6)))


def _seen(values: FloatArray) -> FloatArray:
    seen: FloatArray = np.maximum(values, values.max() - np.float32(DEPTH))
    return seen
