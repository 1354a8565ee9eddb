"""When an engine is tried again."""

from __future__ import annotations

import pytest

from callscribe.engines.resilient.rules import Patience, Tries
from callscribe.errors import UpstreamError

AGAIN = UpstreamError("busy", code="deepgram_busy", retryable=True)
NEVER = UpstreamError("no", code="deepgram_unauthorized")


def delays(tries: Tries, count: int) -> list[float]:
    found, now = [], 0.0
    for _ in range(count):
        tries.failed(AGAIN, now)
        found.append(tries.at - now)
        now = tries.at
    return found


@pytest.mark.parametrize(("jitter", "share"), [(1.0, 1.0), (0.25, 0.25)])
def test_each_delay_is_drawn_from_twice_the_range(jitter: float, share: float) -> None:
    tries = Tries(Patience(outage=1000), lambda: jitter)
    expected = [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert delays(tries, 8) == pytest.approx([delay * share for delay in expected])


def test_after_all_tries_of_an_outage_it_rests_and_begins_anew() -> None:
    patience = Patience(attempts=3)
    tries = Tries(patience, lambda: 1.0)
    assert delays(tries, 5) == pytest.approx([0.5, 1, 2, patience.rest, 0.5])


def test_an_outage_is_bounded_in_time_too() -> None:
    tries = Tries(Patience(attempts=100), lambda: 1.0)
    found = delays(tries, 12)
    assert 30.0 in found
    assert sum(found[: found.index(30.0)]) <= 60 + 10


def test_what_lasted_is_counted_anew() -> None:
    tries = Tries(Patience(), lambda: 1.0)
    delays(tries, 4)
    tries.lasted()
    assert delays(tries, 2) == pytest.approx([0.5, 1])


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    tries = Tries(Patience())
    tries.failed(NEVER, 1.0)
    assert tries.refused is NEVER


def test_who_lost_two_connections_before_they_lasted_is_short_lived() -> None:
    tries = Tries(Patience(), lambda: 1.0)
    tries.ended(3.0, 0.0)
    assert not tries.is_short_lived
    tries.ended(9.9, 0.0)
    assert tries.is_short_lived
    tries.lasted()
    tries.ended(11.0, 0.0)
    tries.ended(11.0, 0.0)
    assert not tries.is_short_lived


@pytest.mark.parametrize(("settled", "again"), [(1.9, 8.0), (2.0, 0.5)])
def test_what_brought_finals_is_counted_anew(settled: float, again: float) -> None:
    tries = Tries(Patience(), lambda: 1.0)
    delays(tries, 4)
    tries.ended(3.0, settled)
    assert delays(tries, 1) == pytest.approx([again])
