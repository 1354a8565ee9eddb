"""A leg's audio as it comes in: kept at 16 kHz, listened to for speech, and when it came.

No thread, no clock. May import ``audio`` and ``vad``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from callscribe.audio import RATE, AudioBuffer, FloatArray, Resampler, pcm_to_samples, to_float
from callscribe.vad import CHUNK, Chunk, SpeechDetector, VoiceActivity

FILTER: Final = 0.05
"""Seconds of audio that a resampler holds back, at most."""


class Intake:
    """The audio of one leg that is still needed; times are leg seconds."""

    def __init__(self, sample_rate: int, detect: VoiceActivity) -> None:
        self._resampler = Resampler(sample_rate)
        self._buffer = AudioBuffer()
        self._rest = np.empty(0, np.int16)
        self._detector = SpeechDetector(detect)
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=512)

    @property
    def start(self) -> float:
        """Where the audio that is kept begins."""
        return self._buffer.start

    @property
    def heard(self) -> float:
        """Seconds of audio taken in."""
        return self._buffer.end

    def take(self, pcm: bytes, arrived: float, *, last: bool = False) -> Iterator[Chunk]:
        """Takes the next PCM; judges each chunk that is whole now."""
        samples = self._resampler.push(pcm_to_samples(pcm), last=last)
        self._buffer.append(samples)
        end = self._buffer.end
        if not self._arrivals or end - self._arrivals[-1][0] >= 0.1:
            self._arrivals.append((end, arrived))
        pending = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(pending) - len(pending) % CHUNK
        self._rest = pending[whole:].copy()
        for index in range(0, whole, CHUNK):
            yield self._detector(to_float(pending[index : index + CHUNK]))

    def go_on(self, judged: float, end: float) -> None:
        """After a failure: only what lies before ``judged`` was; what never came in is silence."""
        missing = round((end - self.heard) * RATE)
        if missing > FILTER * RATE:  # else a resampler still holds it
            self._buffer.append(np.zeros(missing, np.int16))
        self._rest = (self._buffer.slice(judged, self.heard) * 32768).astype(np.int16)

    def slice(self, start: float, end: float) -> FloatArray:
        """The audio between two times, as far as it is kept."""
        return self._buffer.slice(start, end)

    def forget_before(self, oldest: float) -> None:
        """Lets go of the audio before a time."""
        self._buffer.drop_before(oldest)

    def latency(self, end: float, now: float) -> float | None:
        """Milliseconds since the audio up to ``end`` had arrived."""
        for heard, arrived in self._arrivals:
            if heard >= end - 0.05:
                return max(0.0, (now - arrived) * 1000)
        return None
