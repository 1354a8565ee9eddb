"""Two-party calls for measurements: their legs, playing them at the pace of speech, how right.

The calls are those of CALLSCRIBE_CORPUS, or the demo calls where that is not set.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.live_metrics import Sighting, SpokenWord, in_speech, spoken_end, word_lags
from callscribe.audio import Resampler, to_float
from callscribe.demo.measure import percentile
from callscribe.engines.base import EngineEvent, Lost, Reheard, TranscriptionEngine
from callscribe.transcript import Result
from callscribe.wer import word_errors

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

DEMO = Path(__file__).parent.parent / "callscribe" / "demo" / "calls"
SPEAKERS = ("agent", "technician")


def calls_folder() -> Path:
    """Where the calls are."""
    corpus = os.environ.get("CALLSCRIBE_CORPUS")
    return Path(corpus) / "calls" if corpus else DEMO


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

    @property
    def seconds(self) -> float:
        """Seconds of audio."""
        return len(self.samples) / self.rate


@dataclass
class Heard:
    """What came back on a leg: when (s since its first sample), and what."""

    leg: Leg
    results: list[tuple[float, Result]]
    behind: float
    """Seconds that the last final came after the end of the audio."""
    again: dict[tuple[float, float], str] = field(default_factory=dict)
    """What was heard again and replaces the final from where to where."""


def read_leg(folder: Path, call: str, speaker: str, seconds: float) -> Leg:
    """A leg of a call, cut after ``seconds``; infinite: all of it."""
    with av.open(str(folder / f"{speaker}.flac")) as container:
        rate = int(container.streams.audio[0].rate or 0)
        frames = [np.asarray(f.to_ndarray()).reshape(-1) for f in container.decode(audio=0)]
    samples = np.concatenate(frames).astype(np.int16)
    samples = samples if isinf(seconds) else samples[: int(seconds * rate)]
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
            audio, language=leg.call[:2], beam_size=5, vad_filter=vad, word_timestamps=True
        )
        words = [w for segment in segments for w in segment.words or ()]
        wrong = word_errors(leg.text, " ".join(w.word for w in words)).rate
        if best is None or wrong < best[0]:
            spoken = [(u["start"], u["end"]) for u in leg.utterances]
            best = (wrong, in_speech([(w.word, w.start, w.end) for w in words], spoken))
    assert best is not None  # noqa: S101 - the loop runs twice
    return best


async def play(service: TranscriptionEngine, leg: Leg) -> Heard:
    """Sends a leg in 20 ms frames at the pace of speech; raises what ended it too early.

    A call's first two letters are its language.
    """
    results: list[tuple[float, Result]] = []
    again: dict[tuple[float, float], str] = {}
    lost: list[Lost] = []

    def hear(event: EngineEvent) -> None:
        if isinstance(event, Result):
            results.append((time.monotonic() - began, event))
        elif isinstance(event, Reheard):
            again[event.start, event.end] = event.result.text
        elif isinstance(event, Lost):
            lost.append(event)

    connection = await service.transcribe_streaming("bench", leg.call[:2], leg.rate, hear)
    began = time.monotonic()
    size = leg.rate // 50
    for at in range(0, len(leg.samples), size):
        wait = began + (at + size) / leg.rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if lost:
            break
        await connection.send_audio(leg.samples[at : at + size].tobytes())
    await connection.close()
    if lost:
        raise lost[0].error
    behind = max((at for at, result in results if result.is_final), default=0.0) - leg.seconds
    return Heard(leg, results, behind, again)


def row(heard: Heard, words: list[SpokenWord]) -> dict[str, Any]:
    """What one leg did."""
    finals = [(at, r) for at, r in heard.results if r.is_final and r.words]
    seen = [
        Sighting(w.text, w.start, w.end, at, r.is_final) for at, r in heard.results for w in r.words
    ]
    text = " ".join(r.text for _, r in finals)
    after = " ".join(heard.again.get((r.start, r.end), r.text) for _, r in finals)
    return {
        "first_wer": word_errors(heard.leg.text, text).rate,
        "wer": word_errors(heard.leg.text, after).rate,
        "words": len(text.split()),
        "appear": word_lags(words, seen).appear,
        "final": [at - spoken_end(words, r.words[-1].text, r.end) for at, r in finals],
        "interims": sum(not r.is_final for _, r in heard.results),
        "behind": heard.behind,
    }


def lags(values: list[float]) -> str:
    """The middle and the late twentieth of some lags, for a table."""
    return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.95):.2f}"
