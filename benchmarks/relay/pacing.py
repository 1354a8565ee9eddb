"""When which leg speaks: 50 frames a second each, all of them spread evenly over the 20 ms."""

from __future__ import annotations

from typing import Final

FRAME_MS: Final = 20
"""Milliseconds of a frame."""
TICKS: Final = 20
"""Moments within a frame's time at which frames are sent."""
TICK_NS: Final = FRAME_MS * 1_000_000 // TICKS


def tick_of(leg: int) -> int:
    """The moment within 20 ms at which a leg sends.

    The order is such that few legs are spread as well as many: 0, 10, 5, 15, 2, 12, …
    """
    return _SPREAD[leg % TICKS]


def frame_that_ends(ms: int) -> int:
    """The number (from 0) of the frame whose last sample is the one before ``ms``."""
    return -(-ms // FRAME_MS) - 1


def _bisected(low: int, high: int) -> list[int]:
    """Every number from ``low`` to ``high``, those in the middle of what is left first."""
    order, spans = [low], [(low, high)]
    while spans:
        first, end = spans.pop(0)
        middle = (first + end) // 2
        if middle > first:
            order.append(middle)
            spans += [(first, middle), (middle, end)]
    return order


_SPREAD: Final = _bisected(0, TICKS)
