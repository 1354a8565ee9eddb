"""How many legs this machine carries: measured once, on speech, when the model is loaded."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources

import numpy as np

from callscribe.audio import to_float
from callscribe.engines.whisper.decoder import WhisperDecoder, Window
from callscribe.engines.whisper.features import FloatArray

TALKING = 0.6
"""Share of a call in which one leg speaks, generously."""
HEADROOM = 0.45
"""Share of the machine that finals may take, so that interims and the server have the rest."""
LISTENING = 0.03
"""Cores that resampling and VAD of a leg take."""


def sample_speech(seconds: float) -> FloatArray:
    """The beginning of the demo call's agent: 16 kHz, -1 to 1."""
    import av  # here, in a thread: a server answers before it measures

    path = resources.files("callscribe") / "demo" / "calls" / "fr" / "agent.flac"
    blocks: list[FloatArray] = []
    with resources.as_file(path) as file, av.open(str(file)) as container:
        for frame in container.decode(audio=0):
            blocks.append(to_float(np.asarray(frame.to_ndarray(), np.int16).reshape(-1)))
            if sum(map(len, blocks)) >= seconds * 16_000:
                break
    return np.concatenate(blocks)[: int(seconds * 16_000)]


def measure_capacity(
    decoder: WhisperDecoder, clock: Callable[[], float] = time.perf_counter
) -> int:
    """Legs that can be served without falling behind; at least 1.

    Decodes the same six seconds as a final would be, after one warm-up, and asks how much speech
    of that cost fits into the machine.
    """
    seconds = 6.0
    audio = sample_speech(seconds)
    decoder.decode([Window(audio[:16_000], "fr", 1.0)])
    began = clock()
    decoder.decode([Window(audio, "fr", 10.0, beam=5)])
    cost = (clock() - began) / seconds
    return max(1, int(decoder.threads * HEADROOM / (TALKING * cost + LISTENING)))
