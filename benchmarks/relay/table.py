"""The tables of a run: what each gateway did at each level, and how far each got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.relay.tally import counts, most_legs

Tries = Sequence[Mapping[str, Any]]


def middle(tries: Tries, *path: str) -> float | None:
    """The median over tries of a number that lies at ``path``; None where none has it."""
    found = []
    for one in tries:
        value: Any = one
        for name in path:
            value = (value or {}).get(name)
        if value is not None:
            found.append(value)
    return median(found) if found else None


def by_level(tries: Tries) -> list[tuple[str, int, Tries]]:
    """The tries of each gateway at each level, in the gateways' order."""
    names = list(dict.fromkeys(one["gateway"] for one in tries))

    def place(one: Mapping[str, Any]) -> tuple[int, int]:
        return one["legs"], names.index(one["gateway"])

    return [
        (names[gateway], legs, list(group))
        for (legs, gateway), group in groupby(sorted(tries, key=place), key=place)
    ]


def measured(tries: Tries, said: Mapping[str, str]) -> Table:
    """What each gateway did at each level: medians of its tries."""
    table = Table(title="Medians of all tries; passed: of how many")
    heads = "legs|gateway|passed|CPU|CPU a leg|p50|p99|finals p99|results|memory a leg|others"
    for index, head in enumerate(heads.split("|")):
        table.add_column(head, justify="left" if index == 1 else "right")
    for name, legs, some in by_level(tries):
        passed = sum(not one["faults"] for one in some)
        table.add_row(
            str(legs),
            said.get(name, name),
            f"{passed}/{sum(map(counts, some))}",
            number(middle(some, "gateway_cpu_pct"), 0, " %"),
            number(middle(some, "cpu_pct_per_leg"), 2, " %"),
            number(middle(some, "total_ms", "p50"), 2, " ms"),
            number(middle(some, "total_ms", "p99"), 1, " ms"),
            number(middle(some, "finals_ms", "p99"), 1, " ms"),
            number(middle(some, "results_ratio"), 3),
            number(middle(some, "kb_per_leg"), 0, " KB"),
            number(middle(some, "other_cpu_pct"), 0, " %"),
        )
    return table


def carried(tries: Tries, said: Mapping[str, str]) -> Table:
    """The most legs that each gateway stood, and Callscribe's as a multiple of it."""
    table = Table(title="Most legs on one core")
    for head in ("gateway", "legs", "Callscribe to it"):
        table.add_column(head, justify="left" if head == "gateway" else "right")
    most = {
        name: most_legs([one for one in tries if one["gateway"] == name])
        for name in dict.fromkeys(one["gateway"] for one in tries)
    }
    ours = most.get("callscribe", 0)
    for name, legs in most.items():
        ratio = number(ours / legs, 2) if legs and "callscribe" in most else "–"
        table.add_row(said.get(name, name), str(legs), ratio)
    return table


def number(value: float | None, digits: int, unit: str = "") -> str:
    """A number for a table; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}{unit}"


def line(one: Mapping[str, Any], said: Mapping[str, str]) -> str:
    """What to say about a try while the next one runs."""
    name = said.get(one["gateway"], one["gateway"])
    head = f"{one['legs']:4} legs  {name:24}"
    if "error" in one:
        return f"{head}  {one['error']}"
    total, others = one["total_ms"], one["other_cpu_pct"]
    return (
        f"{head}  CPU {one['gateway_cpu_pct']:5.1f} %  p50 {number(total.get('p50'), 2)}  "
        f"p99 {number(total.get('p99'), 1)} ms  others {others:.0f} %  "
        + (", ".join(one["faults"]) or "passed")
        + ("" if counts(one) else " (the load was late: this does not count)")
    )
