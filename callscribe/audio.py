"""Audio in memory: PCM bytes to samples, streaming resampling, and a leg's recent past.

Core: no I/O; may import ``errors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from callscribe.errors import AudioError

RATE = 16_000
"""The rate at which the recogniser and the VAD listen, Hz."""

Encoding = Literal["linear16", "mulaw"]
"""How a leg's audio comes: 16-bit little-endian PCM, or G.711 mu-law as telephones send it."""

WIDTH: Final[Mapping[Encoding, int]] = {"linear16": 2, "mulaw": 1}
"""Bytes of one sample."""

Int16Array = NDArray[np.int16]
FloatArray = NDArray[np.float32]


def pcm_to_samples(pcm: bytes | bytearray | memoryview) -> Int16Array:
    """16-bit little-endian PCM as samples, without a copy; ``AudioError`` for half a sample."""
    if len(pcm) % 2:
        raise AudioError(
            f"{len(pcm)} bytes are not whole 16-bit samples; send an even number of bytes"
        )
    return np.frombuffer(pcm, dtype="<i2")


def to_float(samples: Int16Array) -> FloatArray:
    """Samples scaled to -1 to 1."""
    return samples.astype(np.float32) * np.float32(1 / 32768)


def to_int16(samples: FloatArray) -> Int16Array:
    """Samples of -1 to 1 as 16-bit; what is louder is cut off."""
    scaled: FloatArray = np.rint(samples * np.float32(32768.0))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


class Resampler:
    """Brings one leg to 16 kHz as a stream; state is kept between calls, never per chunk."""

    def __init__(self, rate: int) -> None:
        self._stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="int16")

    def push(self, samples: Int16Array, *, last: bool = False) -> Int16Array:
        """The next samples at 16 kHz; ``last`` also gives what the filter still holds."""
        if self._stream is None:
            return samples
        out: Int16Array = self._stream.resample_chunk(samples, last=last)
        return out


class AudioBuffer:
    """The recent past of a leg at 16 kHz, addressed by seconds since its first sample."""

    def __init__(self) -> None:
        self._data = np.empty(4 * RATE, np.int16)
        self._first = 0
        self._length = 0

    @property
    def end(self) -> float:
        """Seconds of audio that went in so far."""
        return (self._first + self._length) / RATE

    @property
    def start(self) -> float:
        """The oldest second that is still kept."""
        return self._first / RATE

    def append(self, samples: Int16Array) -> None:
        """Adds samples at the end."""
        need = self._length + len(samples)
        if need > len(self._data):
            grown = np.empty(max(need, 2 * len(self._data)), np.int16)
            grown[: self._length] = self._data[: self._length]
            self._data = grown
        self._data[self._length : need] = samples
        self._length = need

    def slice(self, start: float, end: float) -> FloatArray:
        """A copy of what lies between two times, scaled to -1 to 1, as far as it is kept."""
        low = max(round(start * RATE) - self._first, 0)
        high = min(round(end * RATE) - self._first, self._length)
        return to_float(self._data[low : max(low, high)])

    def drop_before(self, time: float) -> None:
        """Forgets what is older than ``time``; moves memory only once half of it is waste."""
        spare = min(int(time * RATE) - self._first, self._length)
        if spare < len(self._data) // 2 and spare < 4 * RATE:
            return
        rest = self._length - spare
        size = len(self._data)
        if size > 8 * RATE and rest < size // 4:
            self._data = np.concatenate([self._data[spare : self._length], self._data[: size // 2]])
        else:
            self._data[:rest] = self._data[spare : self._length].copy()
        self._first += spare
        self._length = rest
