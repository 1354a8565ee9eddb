"""Samples as they are sent, read where they come in.

May import ``audio`` and ``wire``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from callscribe.audio import Int16Array
from callscribe.wire.g711 import alaw_to_samples, mulaw_to_samples

SAMPLE_BYTES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}


class Raw:
    """Samples as they are; a sample that is cut in two by a frame's end waits for its rest."""

    def __init__(self, encoding: str, channels: int, rate: int) -> None:
        self.rate = rate
        self._encoding = encoding
        self._channels = channels
        self._size = SAMPLE_BYTES[encoding] * channels
        self._rest = b""

    def push(self, data: bytes) -> list[Int16Array]:
        """The next bytes."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        return [self._samples(data[:whole])] if whole else []

    def finish(self) -> list[Int16Array]:
        """Half a sample at the end is nothing."""
        return []

    def _samples(self, data: bytes) -> Int16Array:
        if self._encoding == "linear16":
            flat = np.frombuffer(data, "<i2")
        elif self._encoding == "linear32":
            wide = np.nan_to_num(np.frombuffer(data, "<f4"), posinf=1.0, neginf=-1.0)
            flat = (np.clip(wide, -1.0, 1.0) * 32767).astype(np.int16)
        elif self._encoding == "mulaw":
            flat = mulaw_to_samples(data)
        else:
            flat = alaw_to_samples(data)
        return flat.reshape(-1, self._channels).T
