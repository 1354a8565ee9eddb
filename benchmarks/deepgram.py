"""The Deepgram engine: streaming against REST on one call, and what the client itself costs.

    python -m benchmarks.deepgram [--calls fr,en] [--seconds 60] [--rounds 3] [--json FILE]

Deepgram's place is taken by our own server with Whisper behind it, in a process of its own; the
words and their lags are those of that recogniser and this machine. For the client's own cost a sink
without recogniser answers, and bare sockets doing the same job stand beside.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.calls import (
    SPEAKERS,
    Heard,
    Leg,
    calls_folder,
    lags,
    play,
    read_leg,
    reference,
    row,
)
from benchmarks.counting import CountingRelay
from benchmarks.machine import QUIET, Bystanders, resident_mb
from callscribe.demo.measure import percentile
from callscribe.engines.base import TranscriptionEngine
from callscribe.engines.deepgram import DeepgramTranscriptionService
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model

MODELS = Path("data/models")
WAYS = ("bare", "ours", "deaf", "decoded", "passed")
SAID = {
    "bare": "bare sockets",
    "ours": "ours",
    "deaf": "ours without ears",
    "decoded": "mu-law sent as PCM",
    "passed": "mu-law passed on",
}


@contextmanager
def own_server() -> Iterator[int]:
    """Our server in a process of its own; its port once the model is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(MODELS.resolve())
        probe = CountingRelay.free_port()
        settings = {"CALLSCRIBE_PORT": str(probe), "CALLSCRIBE_DATA_DIR": folder}
        given = {
            **os.environ,
            **settings,
            "CALLSCRIBE_MAX_LEGS": "8",
            "CALLSCRIBE_LOG_LEVEL": "error",
        }
        command = [sys.executable, "-m", "callscribe", "serve"]
        with subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL) as process:
            try:
                _wait_for(probe)
                yield probe
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status") as answer:
                if any(b["available"] for b in json.load(answer)["backends"]):
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit("our own server did not start")


async def listen(engine: TranscriptionEngine, legs: Sequence[Leg]) -> tuple[list[Heard], float]:
    """Plays the legs at once; what came back, and how much memory that took at most, MB."""
    before = peak = resident_mb()
    running = asyncio.gather(*(play(engine, leg) for leg in legs))
    while not running.done():
        await asyncio.wait([running], timeout=0.5)
        peak = max(peak, resident_mb())
    return await running, peak - before


async def compare(legs: Sequence[Leg], port: int) -> list[dict[str, Any]]:
    """One call by each way."""
    found: list[dict[str, Any]] = []
    for way in ("streaming", "REST", "engine called directly"):
        async with CountingRelay(port) as relay:
            address = f"ws://127.0.0.1:{relay.port}"
            engine: TranscriptionEngine
            if way == "streaming":
                engine = DeepgramTranscriptionService("key", base_url=address)
            elif way == "REST":
                engine = DeepgramBatchService("key", base_url=address)
            else:
                direct = WhisperTranscriptionService(
                    lambda: resolve_model("base", MODELS), max_legs=4
                )
                await direct.start()
                engine = direct
            heard, memory = await listen(engine, legs)
            await engine.close()
            found.append({"way": way, "heard": heard, "mb": memory, "sent": relay.sent})
    return found


def client_costs(rounds: int, legs: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Every way at every number of legs, by turns, as often as there are rounds."""
    rows: list[dict[str, Any]] = []
    command = [sys.executable, "-m", "benchmarks.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None  # noqa: S101 - asked for above
        url = f"ws://127.0.0.1:{int(sink.stdout.readline())}"
        turns = [(r, n, w) for r in range(rounds) for n in legs for w in WAYS]
        for turn, count, way in track(turns, "Client under load"):
            others = Bystanders(os.getpid())
            asked = [way, url, "--legs", str(count), "--seconds", str(seconds)]
            printed = subprocess.run(
                [sys.executable, "-m", "benchmarks.client_load", *asked],
                check=True,
                capture_output=True,
                timeout=60 + seconds,
                text=True,
            ).stdout
            measured = json.loads(printed.splitlines()[-1])
            other = others.other_cpu_pct()
            rows.append({"round": turn, "way": way, "legs": count, "other": other, **measured})
        sink.terminate()
    return rows


def show_calls(call: str, found: list[dict[str, Any]], references: list[Any]) -> list[list[str]]:
    """A row for each way."""
    table = []
    for run in found:
        rows = [row(h, words) for h, (_, words) in zip(run["heard"], references, strict=True)]
        every = {key: [x for r in rows for x in r[key]] for key in ("appear", "final")}
        sent = run["sent"]
        table.append(
            [
                call,
                run["way"],
                lags(every["appear"]),
                lags(every["final"]),
                " / ".join(f"{100 * r['wer']:.1f}" for r in rows),
                f"{run['mb']:.0f}",
                f"{sent / 1e6:.2f}" if sent else "–",
            ]
        )
    return table


def show_costs(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The middle of the rounds for each way and number of legs, beside that of bare sockets."""

    def middle(way: str, legs: int, key: str) -> float:
        return statistics.median(r[key] for r in rows if (r["way"], r["legs"]) == (way, legs))

    table = []
    for legs in sorted({r["legs"] for r in rows}):
        for way in WAYS:
            cpu = middle(way, legs, "cpu_pct_per_leg")
            table.append(
                [
                    str(legs),
                    SAID[way],
                    f"{cpu:.2f}",
                    f"{cpu / middle('bare', legs, 'cpu_pct_per_leg'):.1f}",
                    f"{middle(way, legs, 'p50_ms'):.2f} / {middle(way, legs, 'p99_ms'):.2f}",
                    f"{100 * middle(way, legs, 'results') / middle(way, legs, 'expected'):.0f}",
                ]
            )
    return table


def print_table(console: Console, title: str, heads: Sequence[str], rows: list[list[str]]) -> None:
    """A table, the first two columns to the left."""
    table = Table(title=title, title_justify="left")
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < 2 else "right")
    for cells in rows:
        table.add_row(*cells)
    console.print(table)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--calls", default="fr,en", help="which calls (default: %(default)s), or none: ''"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how much of each call")
    parser.add_argument("--rounds", type=int, default=3, help="how often the client is measured")
    parser.add_argument("--legs", default="10,50", help="legs of the client (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the tables to this file too")
    asked = parser.parse_args()
    console = Console()
    others = Bystanders(os.getpid())
    root, calls, runs = calls_folder(), [c for c in asked.calls.split(",") if c], []
    with own_server() as port:
        for call in track(calls, "Calls, three ways each"):
            legs = [read_leg(root / call, call, speaker, asked.seconds) for speaker in SPEAKERS]
            runs.append((call, legs, asyncio.run(compare(legs, port))))
    model = WhisperModel(str(resolve_model("base", MODELS)), compute_type="int8")
    table: list[list[str]] = []
    for call, legs, found in runs:
        table += show_calls(call, found, [reference(model, leg) for leg in legs])
    del model
    heads = [
        "call",
        "way",
        "appear p50/p95 s",
        "final p50/p95 s",
        "WER % of each",
        "MB",
        "sent MB",
    ]
    print_table(console, "Streaming and REST, our own server in Deepgram's place", heads, table)
    busy = others.other_cpu_pct()
    rows = client_costs(asked.rounds, [int(n) for n in asked.legs.split(",")], 6.0)
    costs = show_costs(rows)
    cost_heads = ["legs", "client", "CPU % a leg", "x bare", "result p50/p99 ms", "results %"]
    print_table(console, "The client alone, 50 frames a second on each leg", cost_heads, costs)
    disturbed = max(busy, percentile([r["other"] for r in rows], 0.5))
    console.print(f"CPU of others: {disturbed:.0f} % of a core")
    if disturbed > QUIET:
        console.print("[bold]The machine was not quiet:[/] measure again before you rely on this.")
    if asked.json:
        told = {"calls": [heads, *table], "client": [cost_heads, *costs], "rounds": rows}
        asked.json.write_text(json.dumps(told, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
