"""Telephone audio and PCM, as engines take them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio import WIDTH
from callscribe.engines.encoded import to_pcm, to_samples, to_squares
from callscribe.errors import AudioError
from callscribe.wire.g711 import samples_to_mulaw


@given(st.binary(max_size=400).filter(lambda data: len(data) % 2 == 0))
def test_pcm_stays_as_it_is(data: bytes) -> None:
    assert to_pcm(data, "linear16") is data
    assert to_samples(data, "linear16").astype("<i2").tobytes() == data


@given(st.binary(max_size=400))
def test_mulaw_becomes_pcm_of_the_same_samples(data: bytes) -> None:
    pcm = to_pcm(data, "mulaw")
    assert len(pcm) == len(data) * WIDTH["linear16"] // WIDTH["mulaw"]
    samples = to_samples(data, "mulaw")
    assert np.array_equal(np.frombuffer(pcm, "<i2"), samples)
    assert np.array_equal(to_samples(samples_to_mulaw(samples), "mulaw"), samples)


@given(st.binary(max_size=400).filter(lambda data: len(data) % 2 == 0))
def test_squares_are_those_of_the_samples(data: bytes) -> None:
    for encoding in WIDTH:
        wanted = (to_samples(data, encoding).astype(np.float64) / 32768) ** 2
        assert np.allclose(to_squares(data, encoding), wanted, rtol=1e-5, atol=0)


def test_half_a_sample_is_no_audio() -> None:
    with pytest.raises(AudioError):
        to_samples(b"abc", "linear16")
