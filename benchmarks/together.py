"""The local engine beside relays in one process: what one takes from the other.

    python -m benchmarks.together [--call fr] [--seconds 60] [--relays 0,25,50]

The legs of a call speak to Whisper, at the pace of speech, in a process that serves telephone legs
which Deepgram listens to (see ``benchmarks.relay``: its load and its sink are processes of their
own). Lags and word errors with each number of relays stand beside those without any, and the
relays' latency beside theirs without the local legs, all in one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvloop
from faster_whisper import WhisperModel
from rich.console import Console
from rich.table import Table

from benchmarks.calls import (
    SPEAKERS,
    Leg,
    calls_folder,
    lags,
    play,
    read_leg,
    reference,
    row,
)
from benchmarks.counting import CountingRelay
from benchmarks.machine import QUIET
from benchmarks.relay.gateways import CALLSCRIBE, ROOT, sink
from callscribe import logs
from callscribe.allocator import bound_arenas
from callscribe.engines.rehearing import Hearer, RehearingEngine
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.settings import UNSURE_BELOW, Settings
from callscribe.web.server import be_fair, create_server

WARM: Final = 3.0
"""Seconds from the last relay's first result to the window in which relays are measured."""


@asynccontextmanager
async def serving(sink_url: str, folder: Path) -> AsyncIterator[tuple[int, Callable[[], int]]]:
    """A server in this process, which relays to the sink: its port, how many legs it has."""
    port = CountingRelay.free_port()
    values = {"port": port, "sink": sink_url, "folder": folder}
    os.environ |= {name: text.format(**values) for name, text in CALLSCRIBE.environment.items()}
    server = create_server(Settings())
    running = asyncio.create_task(server.serve())
    while not (server.started or running.done()):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.05)
    try:
        yield port, lambda: server.context.service.live_legs
    finally:
        server.hurried = server.should_exit = True
        await running


async def relayed(port: int, sink_pid: int, legs: int, seconds: float) -> dict[str, Any]:
    """What the load says of so many relays."""
    command = ["-m", "benchmarks.relay.load", str(port), "--door", CALLSCRIBE.door]
    command += ["--gateway-pid", str(os.getpid()), "--sink-pid", str(sink_pid)]
    command += ["--legs", str(legs), "--seconds", str(seconds), "--warm", str(WARM), "--burst", "0"]
    load = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        said, _ = await load.communicate()
    finally:
        if load.returncode is None:
            load.kill()
    found: dict[str, Any] = json.loads(said)
    return found


async def measure(legs: list[Leg], levels: list[int], models: Path) -> list[dict[str, Any]]:
    """A try for each number of relays: with the local legs, and alone."""
    console = Console()
    whisper = WhisperTranscriptionService(lambda: resolve_model("base", models), max_legs=len(legs))
    engine = RehearingEngine(whisper, [Hearer(whisper, "whisper")], {"*": UNSURE_BELOW})
    seconds = max(leg.seconds for leg in legs)
    tries: list[dict[str, Any]] = []
    bound_arenas(models=True)
    await whisper.start()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, sink() as (sink_pid, url):
        async with serving(url, Path(folder)) as (port, live_legs):
            for relays in levels:
                console.print(f"{relays} relays, {len(legs)} local legs: {seconds:.0f} s")
                found: dict[str, Any] = {"relays": relays}
                window = max(seconds - WARM, 1.0)
                async with asyncio.TaskGroup() as tasks:
                    if relays:
                        beside = tasks.create_task(relayed(port, sink_pid, relays, window))
                        while live_legs() < relays and not beside.done():  # noqa: ASYNC110
                            await asyncio.sleep(0.05)
                    found["heard"] = await asyncio.gather(*(play(engine, leg) for leg in legs))
                if relays:
                    found["beside"] = beside.result()
                    found["alone"] = await relayed(port, sink_pid, relays, window)
                tries.append(found)
    await whisper.close()
    return tries


def show(tries: list[dict[str, Any]], legs: list[Leg], model: WhisperModel) -> Table:
    """The table."""
    words = [reference(model, leg)[1] for leg in legs]
    table = Table(title=f"{len(legs)} local legs beside relays", title_justify="left")
    for name in ("relays", "appear p50/p95 s", "final p50/p95 s", "word errors", "behind"):
        table.add_column(name, justify="right")
    for name in ("relays p50/p99 ms", "results", "without local legs", "CPU", "others"):
        table.add_column(name, justify="right")
    for found in tries:
        rows = [row(heard, said) for heard, said in zip(found["heard"], words, strict=True)]
        every = {key: [lag for one in rows for lag in one[key]] for key in ("appear", "final")}
        beside, alone = found.get("beside"), found.get("alone")
        table.add_row(
            str(found["relays"]),
            lags(every["appear"]),
            lags(every["final"]),
            " ".join(f"{100 * one['wer']:.1f}" for one in rows) + " %",
            f"{max(one['behind'] for one in rows):.1f} s",
            _latency(beside),
            f"{beside['results_ratio']:.1%}" if beside else "",
            _latency(alone),
            f"{beside['gateway_cpu_pct']:.0f} %" if beside else "",
            _others(beside),
        )
    return table


def _latency(found: dict[str, Any] | None) -> str:
    return f"{found['total_ms']['p50']:.2f} / {found['total_ms']['p99']:.1f}" if found else ""


def _others(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    others = found["other_cpu_pct"]
    return f"{others:.0f} %" + (" (disturbed)" if others > QUIET else "")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--call", default="fr", help="whose legs speak (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how much of it")
    parser.add_argument("--relays", default="0,25,50", help="numbers of telephone legs")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    asked = parser.parse_args()
    folder = calls_folder() / asked.call
    legs = [read_leg(folder, asked.call, speaker, asked.seconds) for speaker in SPEAKERS]
    logs.configure("warning")
    be_fair()
    tries = uvloop.run(measure(legs, [int(n) for n in asked.relays.split(",")], asked.models))
    model = WhisperModel(str(resolve_model("base", asked.models)), compute_type="int8")
    Console(width=None if Console().is_terminal else 140).print(show(tries, legs, model))


if __name__ == "__main__":
    main()
