"""The local engine over two-party calls at real pace: lags, word error rate, CPU, memory.

    python -m benchmarks.local_engine [--calls fr,en] [--seconds 600] [--legs 2]

Reads the calls of CALLSCRIBE_CORPUS, or the demo calls where that is not set. The word error rate
stands beside that of faster-whisper over the whole track (beam 5, the better of with and without
VAD), decoded in the same run, and its word times are the reference for the lags.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel
from rich.console import Console
from rich.table import Table

from benchmarks.calls import SPEAKERS, Leg, calls_folder, lags, play, read_leg, reference, row
from benchmarks.machine import resident_mb
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model


async def measure(legs: Sequence[Leg], copies: int, models: Path) -> dict[str, Any]:
    """Plays the legs at once, as many as asked for; lags by leg, CPU and memory."""
    service = WhisperTranscriptionService(
        lambda: resolve_model("base", models), max_legs=max(copies, 2)
    )
    await service.start()
    loaded = resident_mb()
    chosen = [legs[index % len(legs)] for index in range(copies)]
    cpu, peak = time.process_time(), loaded
    running = asyncio.gather(*(play(service, leg) for leg in chosen))
    while not running.done():
        await asyncio.wait([running], timeout=0.5)
        peak = max(peak, resident_mb())
    cpu = time.process_time() - cpu
    heard = await running
    await service.close()
    speech = sum(leg.speech for leg in chosen)
    return {"heard": heard, "cpu": cpu / speech, "loaded_mb": loaded, "peak_mb": peak}


def show(rows: dict[tuple[str, str], dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    """The table."""
    table = Table(title="Whisper base, int8, live", title_justify="left")
    for name in ("leg", "WER %", "whole %", "appear p50/p95 s", "final p50/p95 s", "interims"):
        table.add_column(name, justify="left" if name == "leg" else "right")
    for (call, speaker), found in rows.items():
        table.add_row(
            f"{call} {speaker}",
            f"{100 * found['wer']:.1f}",
            f"{100 * found['whole']:.1f}",
            lags(found["appear"]),
            lags(found["final"]),
            str(found["interims"]),
        )
    every = {key: [x for f in rows.values() for x in f[key]] for key in ("appear", "final")}
    table.add_row("all", "", "", lags(every["appear"]), lags(every["final"]), "")
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


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", default="fr,en", help="which calls (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="how much of each call, at most"
    )
    parser.add_argument("--legs", type=int, default=2, help="legs at once; more repeat the two")
    parser.add_argument("--dump", type=Path, help="write every final to this JSON file")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    asked = parser.parse_args()
    root = calls_folder()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    runs: list[dict[str, Any]] = []
    for call in asked.calls.split(","):
        legs = [read_leg(root / call, call, speaker, asked.seconds) for speaker in SPEAKERS]
        run = asyncio.run(measure(legs, asked.legs, asked.models))
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
    # The reference comes last: its memory must not count as the engine's.
    model = WhisperModel(str(resolve_model("base", asked.models)), compute_type="int8")
    for run in runs:
        for heard in run["heard"][:2]:
            whole, words = reference(model, heard.leg)
            rows[(heard.leg.call, heard.leg.speaker)] = {**row(heard, words), "whole": whole}
    show(rows, runs)


if __name__ == "__main__":
    main()
