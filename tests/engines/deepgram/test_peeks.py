"""When an open piece is looked at."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.deepgram.peeks import EVERY, LONGEST, REST, Peeks


def test_the_first_look_comes_when_there_is_something_to_hear() -> None:
    peeks = Peeks()
    assert not peeks.are_due(10.0, 10.0 + EVERY - 0.01)
    assert peeks.are_due(10.0, 10.0 + EVERY)


def test_what_was_looked_at_is_not_looked_at_again() -> None:
    peeks = Peeks()
    peeks.looked(11.5, 0.1)
    assert not peeks.are_due(10.0, 11.5 + EVERY - 0.01)
    assert peeks.are_due(10.0, 11.5 + EVERY)


def test_a_new_piece_begins_anew() -> None:
    peeks = Peeks()
    peeks.looked(12.0, 0.1)
    assert not peeks.are_due(13.0, 12.5 + EVERY)
    assert peeks.are_due(13.0, 13.0 + EVERY)


@pytest.mark.parametrize("seconds", [3.0, 8.0, 20.0])
def test_no_piece_is_sent_more_than_three_times_over(seconds: float) -> None:
    peeks, sent = Peeks(), 0.0
    for end in np.arange(0.0, seconds, 0.02):
        if peeks.are_due(0.0, end):
            peeks.looked(end, 0.1)
            sent += end
    assert seconds / 3 < sent <= 2 * seconds


def test_slow_looks_are_rare() -> None:
    peeks = Peeks()
    peeks.looked(11.0, 2.0)
    assert not peeks.are_due(10.0, 11.0 + 2.0 * REST - 0.01)
    assert peeks.are_due(10.0, 11.0 + 2.0 * REST)
    peeks.looked(15.0, 0.1)
    assert peeks.are_due(14.0, 15.0 + EVERY)


def test_looks_that_fail_grow_rarer() -> None:
    peeks, end, waits = Peeks(), 0.0, []
    for _ in range(8):
        began = end
        while not peeks.are_due(began, end):
            end += 0.01
        waits.append(end - began)
        peeks.failed(end)
    assert waits[:3] == pytest.approx([EVERY, 2 * EVERY, 4 * EVERY], abs=0.05)
    assert waits[-1] == pytest.approx(LONGEST, abs=0.05)
    peeks.looked(end, 0.1)
    assert peeks.are_due(end, end + EVERY)
