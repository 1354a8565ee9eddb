"""G.711: the 8-bit companded PCM of telephone lines, mu-law and A-law, both ways.

The segments and steps are those of ITU-T G.711 tables 1a and 2a; samples are 16-bit as everywhere
here (mu-law has 14 bits, A-law 13, shifted up). May import nothing of ours.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

BIAS: Final = 132
"""What mu-law adds to a 16-bit magnitude, so that every segment begins at a power of two."""
CLIP: Final = 32_635

Int16Array = NDArray[np.int16]
FloatArray = NDArray[np.float32]


def mulaw_to_samples(data: bytes | bytearray | memoryview) -> Int16Array:
    """Mu-law bytes as 16-bit samples."""
    return _MULAW.take(np.frombuffer(data, np.uint8))  # a quarter of what an index takes


def mulaw_to_squares(data: bytes | bytearray | memoryview) -> FloatArray:
    """The squares of what mu-law bytes are as samples, full scale 1."""
    squares: FloatArray = _MULAW_SQUARES.take(np.frombuffer(data, np.uint8))
    return squares


def mulaw_to_pcm(data: bytes) -> bytes:
    """Mu-law bytes as 16-bit little-endian PCM: for a frame, faster than by way of samples."""
    out = bytearray(2 * len(data))
    out[::2] = data.translate(_MULAW_LOW)
    out[1::2] = data.translate(_MULAW_HIGH)
    return bytes(out)


def alaw_to_samples(data: bytes | bytearray | memoryview) -> Int16Array:
    """A-law bytes as 16-bit samples."""
    return _ALAW.take(np.frombuffer(data, np.uint8))


def samples_to_mulaw(samples: Int16Array) -> bytes:
    """16-bit samples as mu-law bytes; the nearest of the 256 levels' segment is taken."""
    wide = samples.astype(np.int32)
    magnitude = np.minimum(np.abs(wide), CLIP) + BIAS
    exponent = np.maximum(np.floor(np.log2(magnitude)).astype(np.int32) - 7, 0)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(wide < 0, 0x80, 0)
    coded: bytes = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8).tobytes()
    return coded


def samples_to_alaw(samples: Int16Array) -> bytes:
    """16-bit samples as A-law bytes."""
    wide = samples.astype(np.int32)
    # Negative values lie one step lower, so that the two halves mirror each other.
    magnitude = np.where(wide < 0, -wide - 1, wide)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 7, 0)
    mantissa = (magnitude >> np.where(exponent == 0, 4, exponent + 3)) & 0x0F
    sign = np.where(wide < 0, 0, 0x80)
    coded: bytes = ((sign | (exponent << 4) | mantissa) ^ 0x55).astype(np.uint8).tobytes()
    return coded


def _mulaw_table() -> Int16Array:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + BIAS) << ((code >> 4) & 0x07)) - BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Int16Array:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 0x07, code & 0x0F
    first = (mantissa << 4) + 8
    magnitude = np.where(exponent == 0, first, (first + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_MULAW: Final = _mulaw_table()
_ALAW: Final = _alaw_table()
_MULAW_SQUARES: Final[FloatArray] = np.square(_MULAW.astype(np.float32) / np.float32(32768))
_MULAW_LOW: Final = _MULAW.astype("<i2").tobytes()[::2]
_MULAW_HIGH: Final = _MULAW.astype("<i2").tobytes()[1::2]
