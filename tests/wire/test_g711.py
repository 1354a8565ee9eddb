"""Telephone companding, against ffmpeg's own and against itself."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.wire.g711 import (
    alaw_to_samples,
    mulaw_to_samples,
    samples_to_alaw,
    samples_to_mulaw,
)

EVERY = bytes(range(256))
BOTH = pytest.mark.parametrize(
    ("name", "decode", "encode"),
    [
        ("mulaw", mulaw_to_samples, samples_to_mulaw),
        ("alaw", alaw_to_samples, samples_to_alaw),
    ],
)


@BOTH
def test_every_byte_means_what_ffmpeg_says(name, decode, encode) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ARG001
    with av.open(io.BytesIO(EVERY * 8), format=name, options={"sample_rate": "8000"}) as source:
        frames = [frame.to_ndarray().reshape(-1) for frame in source.decode(audio=0)]
    assert np.array_equal(np.concatenate(frames)[:256], decode(EVERY))


@BOTH
def test_every_level_survives(name, decode, encode) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    again = decode(encode(decode(EVERY)))
    assert np.array_equal(again, decode(EVERY))
    # Mu-law has two bytes for zero; every other byte comes back itself.
    changed = [b for b, c in zip(EVERY, encode(decode(EVERY)), strict=True) if b != c]
    assert changed == ([0x7F] if name == "mulaw" else [])


@BOTH
@given(st.integers(-32768, 32767))
def test_a_sample_moves_by_half_a_step_at_most(name, decode, encode, sample) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ARG001
    back = int(decode(encode(np.array([sample], np.int16)))[0])
    assert abs(back - sample) <= max(abs(sample) / 16, 16) + (700 if abs(sample) > 32_000 else 0)
