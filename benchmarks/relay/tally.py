"""What was measured in a window, and whether a gateway stood it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

WORST_P99_MS: Final = 50.0
LEAST_RESULTS: Final = 0.98
"""Share of the results that have to be there within the window."""
GROWN: Final = (2.0, 5.0)
"""The median of the last third may be this many times that of the first, and so many ms more."""

LOAD_LATE_MS: Final = 25.0
"""The p99 of the load's own lag from which on a try shows the machine, not the gateway."""


class Row(NamedTuple):
    """One result: ``up`` client to sink, ``down`` sink to client, both ms; ``at`` in ns.

    One that was ``left_out`` came with the next one of its leg, which says what it would have: then
    ``down`` is all of its way.
    """

    at: int
    up: float
    down: float
    final: bool = False
    left_out: bool = False

    @property
    def total(self) -> float:
        """What the gateway added, and the sockets."""
        return self.up + self.down


def spread(values: Iterable[float]) -> dict[str, float]:
    """Median, p95, p99 and the worst; empty where there is nothing."""
    ordered = sorted(values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[min(last, int(p * len(ordered)))], 2) for name, p in places.items()}


def latencies(rows: Sequence[Row], begin: int, end: int) -> dict[str, Any]:
    """The rows of the window ``begin`` to ``end`` (ns), by way; the medians of its ends.

    What was left out is in the total latency alone: who passes over what is late is not quicker.
    """
    rows = [row for row in rows if begin <= row.at <= end]
    came = [row for row in rows if not row.left_out]
    third = (end - begin) // 3
    early = spread(row.total for row in rows if row.at < begin + third)
    late = spread(row.total for row in rows if row.at > end - third)
    return {
        "results": len(came),
        "up_ms": spread(row.up for row in came),
        "down_ms": spread(row.down for row in came),
        "total_ms": spread(row.total for row in rows),
        "finals_ms": spread(row.total for row in came if row.final),
        "p50_first_third": early.get("p50"),
        "p50_last_third": late.get("p50"),
    }


def faults(measured: Mapping[str, Any]) -> list[str]:
    """Why a try counts as failed; empty: it was stood."""
    if "error" in measured:
        return [str(measured["error"])]
    found = []
    p99 = measured["total_ms"].get("p99")
    if p99 is None or p99 >= WORST_P99_MS:
        found.append(f"p99 {p99} ms")
    if measured["results_ratio"] < LEAST_RESULTS:
        found.append(f"{100 * measured['results_ratio']:.1f} % of the results")
    if measured["legs_closed"]:
        found.append(f"{measured['legs_closed']} legs closed")
    if grows(measured["p50_first_third"], measured["p50_last_third"]):
        found.append("the median grows")
    return found


def grows(early: float | None, late: float | None) -> bool:
    """Whether results come later and later."""
    times, more = GROWN
    return early is not None and late is not None and late > times * early + more


def disturbed(measured: Mapping[str, Any]) -> bool:
    """Whether the load itself was late, which no gateway can bring about."""
    lag = measured.get("send_lag_ms", {}).get("p99")
    return lag is not None and lag >= LOAD_LATE_MS


def counts(tried: Mapping[str, Any]) -> bool:
    """Whether a try says something of its gateway: a pass always does."""
    return not tried["faults"] or not disturbed(tried)


def most_legs(tries: Iterable[Mapping[str, Any]]) -> int:
    """The highest level that was stood in more than half of its tries; 0 where none was.

    Failures that say nothing of the gateway are left out.
    """
    by_level: dict[int, list[bool]] = {}
    for one in filter(counts, tries):
        by_level.setdefault(one["legs"], []).append(not one["faults"])
    return max((n for n, passed in by_level.items() if 2 * sum(passed) > len(passed)), default=0)
