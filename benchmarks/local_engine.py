"""The local engine over two-party calls at real pace: lags, word error rate, CPU, memory.

    python -m benchmarks.local_engine [--calls fr,en] [--seconds 600] [--legs 2] [--many 60]

Reads the calls of CALLSCRIBE_CORPUS, or the demo calls where that is not set. The word error rate
stands beside that of faster-whisper over the whole track (beam 5, the better of with and without
VAD), decoded in the same run, and its word times are the reference for the lags. Unsure finals are
heard again, as in a call: their words count as they stand in the end. At the end four
and six legs speak at once for a while: whether any falls behind, and what a further leg weighs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel
from rich.console import Console
from rich.table import Table

from benchmarks.calls import SPEAKERS, Leg, calls_folder, lags, play, read_leg, reference, row
from benchmarks.machine import resident_mb
from callscribe.demo.measure import percentile
from callscribe.engines.rehearing import Hearer, RehearingEngine
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.settings import UNSURE_BELOW


async def measure(legs: Sequence[Leg], copies: int, models: Path, below: float) -> dict[str, Any]:
    """Plays the legs at once, as many as asked for; lags by leg, CPU and memory."""
    service = WhisperTranscriptionService(
        lambda: resolve_model("base", models), max_legs=max(copies, 2)
    )
    await service.start()
    try:
        return await played(service, legs, copies, below)
    finally:
        await service.close()


async def crowd(legs: Sequence[Leg], models: Path, below: float) -> dict[str, Any]:
    """Two, four and six legs at once in one service: what a further one weighs, and the lag."""
    service = WhisperTranscriptionService(lambda: resolve_model("base", models), max_legs=6)
    await service.start()
    try:
        runs = {copies: await played(service, legs, copies, below) for copies in (2, 4, 6)}
    finally:
        await service.close()
    return {
        "behind": max(heard.behind for heard in runs[4]["heard"]),
        "mb_per_leg": (runs[6]["peak_mb"] - runs[2]["peak_mb"]) / 4,
    }


async def played(
    service: WhisperTranscriptionService, legs: Sequence[Leg], copies: int, below: float
) -> dict[str, Any]:
    """Plays so many legs at real pace into a service."""
    loaded = resident_mb()
    chosen = [legs[index % len(legs)] for index in range(copies)]
    cpu, peak = time.process_time(), loaded
    engine = RehearingEngine(service, [Hearer(service, "whisper")], {"*": below})
    running = asyncio.gather(*(play(engine, leg) for leg in chosen))
    while not running.done():
        await asyncio.wait([running], timeout=0.5)
        peak = max(peak, resident_mb())
    cpu = time.process_time() - cpu
    heard = await running
    speech = sum(leg.speech for leg in chosen)
    return {"heard": heard, "cpu": cpu / speech, "loaded_mb": loaded, "peak_mb": peak}


def show(
    rows: dict[tuple[str, str], dict[str, Any]],
    runs: list[dict[str, Any]],
    many: dict[str, Any] | None,
) -> None:
    """The tables."""
    table = Table(title="Whisper base, int8, live", title_justify="left")
    for name in (
        "leg",
        "WER first %",
        "WER %",
        "whole %",
        "appear p50/p95 s",
        "final p50/p95 s",
        "interims",
    ):
        table.add_column(name, justify="left" if name == "leg" else "right")
    for (call, speaker), found in rows.items():
        table.add_row(
            f"{call} {speaker}",
            f"{100 * found['first_wer']:.1f}",
            f"{100 * found['wer']:.1f}",
            f"{100 * found['whole']:.1f}",
            lags(found["appear"]),
            lags(found["final"]),
            str(found["interims"]),
        )
    every = {key: [x for f in rows.values() for x in f[key]] for key in ("appear", "final")}
    table.add_row("all", "", "", "", lags(every["appear"]), lags(every["final"]), "")
    console = Console()
    console.print(table)
    for run in runs:
        console.print(
            f"{run['call']}: {run['cpu']:.2f} CPU-seconds a second of speech, "
            f"{run['loaded_mb']:.0f} MB loaded, {run['peak_mb']:.0f} MB at most; "
            f"last final {max(h.behind for h in run['heard']):.1f} s after the audio"
        )
    console.print(
        f"peak of the whole run: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000} MB"
    )
    console.print(verdicts(rows, runs, many))


def verdicts(
    rows: dict[tuple[str, str], dict[str, Any]],
    runs: list[dict[str, Any]],
    many: dict[str, Any] | None,
) -> Table:
    """What was wanted beside what was reached."""
    table = Table(title="Goals", title_justify="left")
    for name in ("what", "goal", "reached", ""):
        table.add_column(name, justify="left" if name in ("what", "") else "right")
    for what, goal, reached, unit in goals(rows, runs, many):
        mark = "✓" if reached <= goal else "✗"
        table.add_row(what, f"≤ {goal:g}{unit}", f"{reached:.2f}{unit}", mark)
    return table


def goals(
    rows: dict[tuple[str, str], dict[str, Any]],
    runs: list[dict[str, Any]],
    many: dict[str, Any] | None,
) -> Iterator[tuple[str, float, float, str]]:
    """Each goal: what, the most it may be, what it is, the unit."""
    for name, key, wanted in (
        ("first appearance", "appear", (0.6, 1.5)),
        ("final", "final", (1.0, 1.8)),
    ):
        every = [x for found in rows.values() for x in found[key]]
        for share, most in zip((50, 95), wanted, strict=True):
            yield f"{name} p{share}", most, percentile(every, share / 100), " s"
    for (call, speaker), found in rows.items():
        over = 100 * (found["wer"] - found["whole"])
        yield f"word errors over the whole track, {call} {speaker}", 3, over, " points"
    yield "CPU for a second of speech", 1, max(run["cpu"] for run in runs), " s"
    yield "memory with the model, first call", 500, runs[0]["peak_mb"], " MB"
    if many is not None:
        yield "a further leg", 3, many["mb_per_leg"], " MB"
        yield "four legs: last final after the audio", 3, many["behind"], " s"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", default="fr,en", help="which calls (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="how much of each call, at most"
    )
    parser.add_argument("--legs", type=int, default=2, help="legs at once; more repeat the two")
    parser.add_argument(
        "--many",
        type=float,
        default=40.0,
        help="seconds for which four and six legs speak at once; 0 leaves that out",
    )
    parser.add_argument(
        "--unsure-below",
        type=float,
        default=UNSURE_BELOW,
        help="finals less sure are heard again (default: %(default)s)",
    )
    parser.add_argument("--dump", type=Path, help="write every final to this JSON file")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    asked = parser.parse_args()
    root = calls_folder()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    runs: list[dict[str, Any]] = []
    for call in asked.calls.split(","):
        legs = [read_leg(root / call, call, speaker, asked.seconds) for speaker in SPEAKERS]
        run = asyncio.run(measure(legs, asked.legs, asked.models, asked.unsure_below))
        runs.append({"call": call, **run})
    if asked.dump:
        finals = {
            f"{run['call']} {h.leg.speaker}": [
                [round(at, 2), round(r.start, 2), round(r.end, 2), r.text]
                for at, r in h.results
                if r.is_final
            ]
            for run in runs
            for h in run["heard"]
        }
        asked.dump.write_text(json.dumps(finals, ensure_ascii=False, indent=1))
    many = None
    if asked.many:
        legs = [
            read_leg(root / call, call, speaker, asked.many)
            for call in asked.calls.split(",")
            for speaker in SPEAKERS
        ]
        many = asyncio.run(crowd(legs, asked.models, asked.unsure_below))
    # The reference comes last: its memory must not count as the engine's.
    model = WhisperModel(str(resolve_model("base", asked.models)), compute_type="int8")
    for run in runs:
        for heard in run["heard"][:2]:
            whole, words = reference(model, heard.leg)
            rows[(heard.leg.call, heard.leg.speaker)] = {**row(heard, words), "whole": whole}
    show(rows, runs, many)


if __name__ == "__main__":
    main()
