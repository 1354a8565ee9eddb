"""How loud a leg was, and whether two legs rise and fall alike."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio import FloatArray, pcm_to_samples
from callscribe.engines.encoded import to_squares
from callscribe.loudness import BLOCKS, KEPT, SILENCE, Levels, Loudness, likeness
from callscribe.wire.g711 import samples_to_mulaw


def tone(rate: int, seconds: float, level: float) -> bytes:
    time = np.arange(round(rate * seconds)) / rate
    wave = np.sin(2 * np.pi * 400 * time) * np.sqrt(2) * 32768 * 10 ** (level / 20)
    return np.round(wave).astype("<i2").tobytes()


def pcm(rate: int = 8000) -> Loudness:
    return Loudness(rate, 2, partial(to_squares, encoding="linear16"))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
def test_levels_are_those_of_the_audio_at_its_time(rate: int) -> None:
    loudness = pcm(rate)
    audio = tone(rate, 1.0, -20.0) + tone(rate, 1.5, -40.0)
    for at in range(0, len(audio), 640):
        loudness.push(audio[at : at + 640])
    levels = loudness.levels(3.0, 5.5, offset=3.0)
    assert levels is not None
    assert levels.mean(3.0, 4.0) == pytest.approx(-20.0, abs=0.3)
    assert levels.mean(4.1, 5.4) == pytest.approx(-40.0, abs=0.3)
    assert levels.mean(6.0, 7.0) is None


def test_mu_law_is_as_loud_as_what_it_was_made_of() -> None:
    loudness = Loudness(8000, 1, partial(to_squares, encoding="mulaw"))
    loudness.push(samples_to_mulaw(pcm_to_samples(tone(8000, 2.0, -25.0))))
    levels = loudness.levels(0.0, 2.0)
    assert levels is not None
    assert levels.mean(0.0, 2.0) == pytest.approx(-25.0, abs=0.2)


def test_only_the_last_minutes_are_kept_and_memory_does_not_grow() -> None:
    loudness = pcm()
    ring = loudness._ring
    for _ in range(KEPT + 10):
        loudness.push(tone(8000, 1.0, -30.0))
    loudness.push(tone(8000, 1.0, -10.0))
    assert loudness._ring is ring
    assert loudness.levels(0.0, 10.0) is None
    levels = loudness.levels(0.0, 1000.0)
    assert levels is not None
    assert (levels.start, len(levels.values)) == (11.0, KEPT * BLOCKS)
    assert levels.mean(KEPT + 10, KEPT + 11) == pytest.approx(-10.0, abs=0.3)


def test_one_message_longer_than_all_that_is_kept() -> None:
    loudness = pcm()
    loudness.push(tone(8000, KEPT + 5.0, -30.0) + tone(8000, 1.0, -10.0))
    levels = loudness.levels(KEPT + 4.0, KEPT + 6.0)
    assert levels is not None
    assert levels.mean(KEPT + 5.0, KEPT + 6.0) == pytest.approx(-10.0, abs=0.3)


def test_nothing_at_all_and_digital_silence() -> None:
    loudness = pcm()
    assert loudness.levels(0.0, 1.0) is None
    loudness.push(bytes(16_000))
    levels = loudness.levels(0.0, 1.0)
    assert levels is not None
    assert set(levels.values) == {SILENCE}


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_it_does_not_matter_how_audio_is_cut(sizes: list[int]) -> None:
    rng = np.random.default_rng(1)
    audio = rng.integers(-9000, 9000, sum(sizes)).astype("<i2").tobytes()
    whole, cut = pcm(), pcm()
    whole.push(audio)
    at = 0
    for size in sizes:
        cut.push(audio[at : at + 2 * size])
        at += 2 * size
    one, other = whole.levels(0.0, 99.0), cut.levels(0.0, 99.0)
    if one is None or other is None:
        assert one is other
    else:
        assert np.allclose(one.values, other.values)


def shape(seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(-30.0, 6.0, 60).astype(np.float32)


@pytest.mark.parametrize("gain", [0.0, -20.0])
@pytest.mark.parametrize("lag", [-0.2, 0.0, 0.25])
def test_one_voice_has_one_shape_at_any_gain(gain: float, lag: float) -> None:
    """The lag need only be known to within a third of a second."""
    right, left = Levels(10.0, shape(1)), Levels(10.0 + lag, shape(1) + np.float32(gain))
    alike = likeness(left, right, 10.5, 12.0, 0.0)
    assert alike == pytest.approx(1.0, abs=0.01)


def test_two_voices_have_two() -> None:
    alike = likeness(Levels(10.0, shape(1)), Levels(10.0, shape(2)), 10.5, 12.0, 0.0)
    assert alike is not None
    assert alike < 0.6


def test_what_is_too_short_or_not_known_is_not_compared() -> None:
    one = Levels(10.0, shape(1))
    assert likeness(one, one, 10.5, 10.6, 0.0) is None
    assert likeness(Levels(30.0, shape(1)), one, 10.5, 12.0, 0.0) is None


def test_silence_is_like_nothing() -> None:
    silence = Levels(10.0, np.full(60, SILENCE, np.float32))
    assert likeness(silence, silence, 10.5, 12.0, 0.0) == pytest.approx(0.0)
