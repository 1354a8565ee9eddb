"""Legs are spread over a frame's time, and a frame is found again by its milliseconds."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.relay.pacing import TICKS, frame_that_ends, tick_of


@pytest.mark.parametrize("legs", [2, 20, 50, 400])
def test_legs_are_spread_evenly(legs: int) -> None:
    counts = Counter(tick_of(leg) for leg in range(legs))
    assert set(counts) <= set(range(TICKS))
    assert max(counts.values()) == -(-legs // TICKS)


def test_few_legs_are_far_from_each_other() -> None:
    ticks = sorted(tick_of(leg) for leg in range(4))
    assert min(b - a for a, b in zip(ticks, [*ticks[1:], ticks[0] + TICKS], strict=True)) == 5


@pytest.mark.parametrize(("ms", "frame"), [(1, 0), (20, 0), (21, 1), (100, 4), (2000, 99)])
def test_the_frame_that_completes_a_millisecond(ms: int, frame: int) -> None:
    assert frame_that_ends(ms) == frame
