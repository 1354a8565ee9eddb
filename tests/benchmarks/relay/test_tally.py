"""What counts as stood, and how the numbers of a window come about."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.relay.tally import Row, counts, faults, grows, latencies, most_legs, spread

GOOD: dict[str, Any] = {
    "total_ms": {"p50": 1.0, "p99": 9.0},
    "results_ratio": 0.999,
    "legs_closed": 0,
    "p50_first_third": 1.0,
    "p50_last_third": 1.1,
}


def test_a_good_try_has_no_faults() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"total_ms": {"p50": 1.0, "p99": 50.0}}, "p99 50.0 ms"),
        ({"total_ms": {}}, "p99 None ms"),
        ({"results_ratio": 0.97}, "97.0 % of the results"),
        ({"legs_closed": 2}, "2 legs closed"),
        ({"p50_last_third": 7.1}, "the median grows"),
        ({"error": "it broke off"}, "it broke off"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], fault: str) -> None:
    assert faults(GOOD | change) == [fault]


def test_a_little_more_is_no_growth() -> None:
    assert not grows(1.0, 6.9)
    assert grows(1.0, 7.1)
    assert not grows(None, 3.0)


def test_spread_of_a_hundred() -> None:
    found = spread(float(n) for n in reversed(range(100)))
    assert found == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 99.0}
    assert spread([]) == {}


def test_only_the_window_counts() -> None:
    rows = [Row(at, 1.0, float(at), final=at == 40) for at in range(0, 100, 10)]
    found = latencies(rows, 10, 70)
    assert found["results"] == 7
    assert found["total_ms"]["max"] == 71.0
    assert found["finals_ms"]["p50"] == 41.0
    assert (found["p50_first_third"], found["p50_last_third"]) == (21.0, 71.0)


def test_what_is_left_out_is_late_and_no_result() -> None:
    rows = [Row(at, 1.0, 1.0) for at in range(98)]
    rows += [Row(50, 0.0, 400.0, left_out=True)] * 2
    found = latencies(rows, 0, 100)
    assert found["results"] == 98
    assert found["total_ms"] == {"p50": 2.0, "p95": 2.0, "p99": 400.0, "max": 400.0}
    assert found["up_ms"]["p50"] == found["down_ms"]["max"] == 1.0


def test_the_most_legs_are_those_stood_more_often_than_not() -> None:
    stood: list[str] = []
    tries = [
        *({"legs": 100, "faults": stood} for _ in range(3)),
        {"legs": 200, "faults": stood},
        {"legs": 200, "faults": stood},
        {"legs": 200, "faults": ["p99 60 ms"]},
        {"legs": 300, "faults": stood},
        {"legs": 300, "faults": ["p99 60 ms"]},
    ]
    assert most_legs(tries) == 200
    assert most_legs([{"legs": 50, "faults": ["p99 60 ms"]}]) == 0


def test_a_failure_of_a_late_load_says_nothing_of_the_gateway() -> None:
    late = {"legs": 200, "faults": ["p99 60 ms"], "send_lag_ms": {"p99": 3000.0}}
    passed: dict[str, Any] = {"legs": 200, "faults": [], "send_lag_ms": {"p99": 1.0}}
    assert [counts(late), counts(late | {"faults": []}), counts(passed)] == [False, True, True]
    assert most_legs([late, late, passed]) == 200
    assert most_legs([late, late]) == 0
    assert counts({"legs": 50, "error": "gone", "faults": ["gone"]})
