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
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.live_metrics import Sighting, SpokenWord, percentile, word_lags
from callscribe.audio import Resampler, to_float
from callscribe.engines.base import EngineEvent
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.transcript import Result
from callscribe.wer import word_errors

DEMO = Path(__file__).parent.parent / "callscribe" / "demo" / "calls"
SPEAKERS = ("agent", "technician")


@dataclass
class Leg:
    """One track with what is said in it."""

    call: str
    speaker: str
    rate: int
    samples: NDArray[np.int16]
    utterances: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The script of the leg."""
        return " ".join(u["text"] for u in self.utterances)

    @property
    def speech(self) -> float:
        """Seconds of speech."""
        return sum(u["end"] - u["start"] for u in self.utterances)


@dataclass
class Heard:
    """What came back on a leg: when (s since its first sample), and what."""

    leg: Leg
    results: list[tuple[float, Result]]
    behind: float
    """Seconds that the last final came after the end of the audio."""


def read_leg(folder: Path, call: str, speaker: str, seconds: float) -> Leg:
    """A leg of a call, cut after ``seconds``."""
    with av.open(str(folder / f"{speaker}.flac")) as container:
        rate = int(container.streams.audio[0].rate or 0)
        frames = [np.asarray(f.to_ndarray()).reshape(-1) for f in container.decode(audio=0)]
    samples = np.concatenate(frames).astype(np.int16)[: int(seconds * rate)]
    truth, script = folder / "truth.json", folder / "script.json"
    if truth.exists():
        turns = json.loads(truth.read_text())["turns"]
        spoken = [u for t in turns if t["speaker"] == speaker for u in t["utterances"]]
    else:
        listed = json.loads(script.read_text())["utterances"]
        spoken = [u for u in listed if u["speaker"] == speaker]
    return Leg(call, speaker, rate, samples, [u for u in spoken if u["end"] <= seconds])


def reference(model: WhisperModel, leg: Leg) -> tuple[float, list[SpokenWord]]:
    """The whole track at once: word error rate, words and their ends."""
    audio = to_float(Resampler(leg.rate).push(leg.samples, last=True))
    best: tuple[float, list[SpokenWord]] | None = None
    for vad in (False, True):
        segments, _ = model.transcribe(
            audio, language=leg.call, beam_size=5, vad_filter=vad, word_timestamps=True
        )
        words = [w for segment in segments for w in segment.words or ()]
        wrong = word_errors(leg.text, " ".join(w.word for w in words)).rate
        if best is None or wrong < best[0]:
            best = (wrong, [SpokenWord(w.word, w.end) for w in words])
    assert best is not None  # noqa: S101 - the loop runs twice
    return best


async def play(service: WhisperTranscriptionService, leg: Leg) -> Heard:
    """Sends a leg in 20 ms frames at the pace of speech."""
    began = time.monotonic()
    results: list[tuple[float, Result]] = []

    def hear(result: EngineEvent) -> None:
        if isinstance(result, Result):
            results.append((time.monotonic() - began, result))

    connection = await service.transcribe_streaming("bench", leg.call, leg.rate, hear)
    size = leg.rate // 50
    for at in range(0, len(leg.samples), size):
        wait = began + (at + size) / leg.rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await connection.send_audio(leg.samples[at : at + size].tobytes())
    await connection.close()
    return Heard(leg, results, time.monotonic() - began - len(leg.samples) / leg.rate)


def resident_mb() -> float:
    """Memory of this process now, MB."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


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


def row(heard: Heard, words: list[SpokenWord]) -> dict[str, Any]:
    """What one leg did."""
    finals = [(at, r) for at, r in heard.results if r.is_final and r.words]
    seen = [
        Sighting(w.text, w.start, w.end, at, r.is_final) for at, r in heard.results for w in r.words
    ]
    return {
        "wer": word_errors(heard.leg.text, " ".join(r.text for _, r in finals)).rate,
        "appear": word_lags(words, seen).appear,
        "final": [at - r.end for at, r in finals],
        "interims": len(heard.results) - len(finals),
        "behind": heard.behind,
    }


def show(rows: dict[tuple[str, str], dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    """The table."""
    table = Table(title="Whisper base, int8, live", title_justify="left")
    for name in ("leg", "WER %", "whole %", "appear p50/p95 s", "final p50/p95 s", "interims"):
        table.add_column(name, justify="left" if name == "leg" else "right")

    def lags(values: list[float]) -> str:
        return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.95):.2f}"

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
    corpus = os.environ.get("CALLSCRIBE_CORPUS")
    root = Path(corpus) / "calls" if corpus else DEMO
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    runs: list[dict[str, Any]] = []
    everything: list[Leg] = []
    for call in asked.calls.split(","):
        legs = [read_leg(root / call, call, speaker, asked.seconds) for speaker in SPEAKERS]
        everything += legs
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
