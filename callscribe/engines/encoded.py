"""A leg's audio as it came, 16-bit PCM or the mu-law of telephone lines, made what is needed.

Every engine takes both; what it does not send on as it is becomes PCM here. May import ``audio``
and ``wire``.
"""

from __future__ import annotations

import numpy as np

from callscribe.audio import Encoding, FloatArray, Int16Array, pcm_to_samples
from callscribe.wire.g711 import mulaw_to_pcm, mulaw_to_samples, mulaw_to_squares


def to_samples(audio: bytes, encoding: Encoding) -> Int16Array:
    """Audio as samples; ``AudioError`` for half a sample."""
    return mulaw_to_samples(audio) if encoding == "mulaw" else pcm_to_samples(audio)


def to_squares(audio: bytes, encoding: Encoding) -> FloatArray:
    """The squares of its samples, full scale 1; ``AudioError`` for half a sample."""
    if encoding == "mulaw":
        return mulaw_to_squares(audio)
    samples = pcm_to_samples(audio).astype(np.float32)
    samples *= np.float32(1 / 32768)
    return samples * samples


def to_pcm(audio: bytes, encoding: Encoding) -> bytes:
    """Audio as 16-bit little-endian PCM, which it may be already."""
    if encoding == "linear16":
        return audio
    return mulaw_to_pcm(audio)
