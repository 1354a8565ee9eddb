"""Callscribe and bare relays side by side: legs on one core, and what each leg costs.

    python -m benchmarks.relay [--legs 50,100,200,300,400,500] [--repeats 3] [--plot]

A short look at one of them: ``--gateways callscribe --legs 50 --repeats 1 --burst 0 --starts 0``.
The gateways are callscribe, picows and websockets, with ``benchmarks.relay.peers`` also pipecat and
livekit; direct is none, and shows what the measurement itself takes. How it is done is told in
``docs/explanation/relay-measured.md``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.machine import QUIET, wait_until_quiet
from benchmarks.relay import plan, table
from benchmarks.relay.gateways import BARE, CALLSCRIBE, DIRECT, ROOT, Gateway
from benchmarks.relay.levels import attempt
from benchmarks.relay.plot import plot
from benchmarks.relay.starting import start_seconds

LEVELS: Final = "50,100,150,200,300,400,500"
TALKING: Final = 20
"""Legs that talk while many more connect at once."""
PLOT: Final = ROOT / "docs" / "images" / "relay.svg"
PATIENCE: Final = 300.0
"""Seconds that a try waits for a quiet machine, where that is asked for."""

_console = Console(width=None if Console().is_terminal else 140)


def arguments(about: str) -> argparse.ArgumentParser:
    """What may be asked for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--legs", default=LEVELS, help="levels, separated by commas")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a window")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gateways", default="", help="names, separated by commas; all without")
    parser.add_argument("--burst", type=int, default=400, help="legs that connect at once; 0: none")
    parser.add_argument("--starts", type=int, default=5, help="times that the server is started")
    parser.add_argument("--all", action="store_true", help="also levels above two failed ones")
    parser.add_argument("--quiet", action="store_true", help="each try waits for a quiet machine")
    parser.add_argument("--json", type=Path, default=ROOT / "data" / "relay.json")
    parser.add_argument(
        "--plot", type=Path, nargs="?", const=PLOT, help=f"a picture; {PLOT.name} in docs/images"
    )
    return parser


def run(asked: argparse.Namespace, gateways: Sequence[Gateway]) -> dict[str, Any]:
    """Measures everything, says what it does, and keeps what it has after each step."""
    known = {gateway.name: gateway for gateway in (*gateways, DIRECT)}
    names = [name for name in asked.gateways.split(",") if name] or [one.name for one in gateways]
    levels = [int(level) for level in asked.legs.split(",") if level]
    said = {name: known[name].said for name in names}

    def one(name: str, legs: int, burst: int = 0) -> Mapping[str, Any]:
        if asked.quiet:
            wait_until_quiet(QUIET, PATIENCE)
        found = attempt(known[name], legs, asked.seconds, burst=burst)
        _console.print(table.line(found, said), markup=False, highlight=False, soft_wrap=True)
        return found

    found: dict[str, Any] = {"tries": [], "bursts": [], "start_seconds": []}
    enough = 0 if asked.all else plan.ENOUGH
    for measured in plan.tries(names, levels, asked.repeats, one, enough=enough):
        found["tries"].append(measured)
        keep(asked.json, found)
    if "callscribe" in names:
        for _ in range(asked.repeats if asked.burst else 0):
            found["bursts"].append(one("callscribe", TALKING, asked.burst).get("burst"))
            keep(asked.json, found)
        found["start_seconds"] = start_seconds(asked.starts)
        keep(asked.json, found)
    show(found, said)
    if asked.plot is not None:
        asked.plot.write_text(plot(found["tries"], said), encoding="utf-8")
        _console.print(f"The plot is in {asked.plot}", markup=False)
    return found


def show(found: Mapping[str, Any], said: Mapping[str, str]) -> None:
    """Prints the tables."""
    if found["tries"]:
        _console.print(table.measured(found["tries"], said))
        _console.print(table.carried(found["tries"], said))
    for burst in filter(None, found["bursts"]):
        p99 = table.number(burst["talking_ms"].get("p99"), 1, " ms")
        _console.print(
            f"{burst['burst']} legs at once: {burst['up']} up in {burst['all_up_s']} s, "
            f"{burst['refused']} refused, {burst['closed']} closed; "
            f"the {burst['talking']} that talked: p99 {p99}  {burst['refusal']}",
            markup=False,
        )
    if found["start_seconds"]:
        times = ", ".join(f"{seconds:.2f}" for seconds in found["start_seconds"])
        _console.print(f"From the start to the page, without a model: {times} s")


def keep(path: Path, found: Mapping[str, Any]) -> None:
    """Writes what there is so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    run(arguments((__doc__ or "").split("\n")[0]).parse_args(), (CALLSCRIBE, *BARE))
