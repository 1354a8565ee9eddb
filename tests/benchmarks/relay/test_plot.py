"""The tables and the picture show what was measured."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.relay.plot import plot
from benchmarks.relay.table import carried, line, measured, middle

SVG = "{http://www.w3.org/2000/svg}"
SAID = {"callscribe": "Callscribe", "picows": "bare & quick"}


def one(name: str, legs: int, p99: float, cpu: float, *faults: str) -> dict[str, Any]:
    return {
        "gateway": name,
        "legs": legs,
        "gateway_cpu_pct": cpu,
        "cpu_pct_per_leg": cpu / legs,
        "total_ms": {"p50": 0.5, "p99": p99},
        "finals_ms": {"p99": p99},
        "results_ratio": 1.0,
        "kb_per_leg": 60,
        "other_cpu_pct": 2.0,
        "faults": list(faults),
    }


TRIES = [
    one("callscribe", 50, 2.0, 20.0),
    one("picows", 50, 1.0, 5.0),
    one("callscribe", 100, 60.0, 40.0, "p99 60 ms"),
    one("picows", 100, 1.0, 10.0),
    one("callscribe", 50, 4.0, 22.0),
    {"gateway": "callscribe", "legs": 50, "error": "gone", "faults": ["gone"]},
]


def shown(table: Table) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_middle_leaves_out_what_was_not_measured() -> None:
    assert middle([t for t in TRIES if t["legs"] == 50], "total_ms", "p99") == 2.0
    assert middle([TRIES[-1]], "total_ms", "p99") is None


def test_the_tables() -> None:
    rows = shown(measured(TRIES, SAID)).splitlines()
    ours = next(row for row in rows if "Callscribe" in row and " 50 " in row)
    assert "2/3" in ours
    assert "3.0 ms" in ours
    assert "0.50" in shown(carried(TRIES, SAID))


def test_a_line_says_how_a_try_went() -> None:
    assert line(TRIES[0], SAID).endswith("passed")
    assert line(TRIES[2], SAID).endswith("p99 60 ms")
    assert line(TRIES[-1], SAID).endswith("gone")


def test_the_picture_has_a_line_for_each_gateway_in_both_panels() -> None:
    root = ET.fromstring(plot(TRIES, SAID))  # noqa: S314 - made here
    paths = [item.attrib["points"].split() for item in root.iter(f"{SVG}polyline")]
    assert [len(points) for points in paths] == [2, 2, 2, 2]
    texts = [item.text for item in root.iter(f"{SVG}text")]
    assert {"Callscribe", "bare & quick", "50", "100"} <= set(texts)
    # More CPU is further up, more legs further right.
    (x50, y50), (x100, y100) = (map(float, point.split(",")) for point in paths[1])
    assert x50 < x100
    assert y50 > y100
    # A higher p99 is further up.
    (_, low), (_, high) = (map(float, point.split(",")) for point in paths[0])
    assert low > high
