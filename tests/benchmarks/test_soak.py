"""What the soak counts, and how it tells growth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.calls import Leg
from benchmarks.chaos_play import HeardLeg
from benchmarks.chaos_words import Placed
from benchmarks.soak import FREQUENCIES, LENGTH, PERIOD, Tally, frequency, slope


def heard(*left_out: int) -> HeardLeg:
    """A leg of ten tones."""
    found = HeardLeg(Leg("fr", "agent", 8_000, np.zeros(0, np.int16), []))
    for index in range(10):
        if index not in left_out:
            at = index * PERIOD
            text = f"f{FREQUENCIES[frequency(5, index)]}"
            found.words.append(Placed(text, at, at + LENGTH))
    return found


def test_every_tone_once_is_complete() -> None:
    tally = Tally()
    tally.add(heard(), 5, 10)
    assert (tally.legs, tally.complete, tally.tones) == (1, 1, 10)


def test_what_is_missing_doubled_or_in_a_gap_is_counted() -> None:
    tally = Tally()
    tally.add(heard(3), 5, 10)
    twice = heard()
    twice.words.append(twice.words[4])
    tally.add(twice, 5, 10)
    gap = heard(3)
    gap.gaps.append((3 * PERIOD, 4 * PERIOD))
    tally.add(gap, 5, 10)
    assert (tally.lost, tally.doubled, tally.in_gaps, tally.complete) == (1, 1, 1, 0)
    assert len(tally.incomplete) == 3


def test_growth_is_told_by_the_hour() -> None:
    rate, error = slope([(second, 100 + second / 360) for second in range(100)])
    assert rate == pytest.approx(10)
    assert error == pytest.approx(0, abs=0.01)
