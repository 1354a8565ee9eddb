"""PCM, resampling as a stream, and the buffer of a leg's past."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.audio import RATE, AudioBuffer, Resampler, pcm_to_samples, to_float, to_int16
from callscribe.errors import AudioError


@given(st.lists(st.integers(-32768, 32767)))
def test_pcm_round_trip(values: list[int]) -> None:
    samples = np.array(values, "<i2")
    assert np.array_equal(pcm_to_samples(samples.tobytes()), samples)


@given(st.binary().filter(lambda data: len(data) % 2))
def test_half_a_sample_is_refused(data: bytes) -> None:
    with pytest.raises(AudioError, match="even number of bytes"):
        pcm_to_samples(data)


def test_floats_stay_within_one() -> None:
    extremes = to_float(np.array([-32768, 0, 32767], np.int16))
    assert extremes[0] == -1.0
    assert extremes[1] == 0.0
    assert extremes[2] < 1.0


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=40), st.sampled_from([8000, 11025, 48000])
)
def test_a_stream_in_pieces_is_the_stream_in_one(sizes: list[int], rate: int) -> None:
    tone = (8000 * np.sin(np.arange(sum(sizes)) * 0.05)).astype(np.int16)
    whole = Resampler(rate).push(tone, last=True)
    pieces, stream, at = [], Resampler(rate), 0
    for size in sizes:
        pieces.append(stream.push(tone[at : at + size], last=at + size == len(tone)))
        at += size
    joined = np.concatenate(pieces)
    assert len(joined) == len(whole)
    # Two steps at most: soxr dithers what it rounds to 16 bits.
    assert np.abs(joined.astype(int) - whole.astype(int)).max(initial=0) <= 4


def test_telephone_audio_keeps_its_pitch_and_length() -> None:
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.int16)
    up = Resampler(8000).push(tone, last=True)
    assert abs(len(up) - RATE) <= 2
    spectrum = np.abs(np.fft.rfft(up.astype(float)))
    assert abs(np.argmax(spectrum) * RATE / len(up) - 1000) < 2
    assert spectrum[int(4200 * len(up) / RATE) :].max() < spectrum.max() / 1000


@given(st.lists(st.tuples(st.integers(0, 30_000), st.floats(0, 1))))
def test_the_buffer_keeps_what_was_not_forgotten(steps: list[tuple[int, float]]) -> None:
    buffer, everything, forgotten = AudioBuffer(), np.empty(0, np.int16), 0.0
    for count, share in steps:
        fresh = np.arange(len(everything), len(everything) + count).astype(np.int16)
        everything = np.concatenate([everything, fresh])
        buffer.append(fresh)
        assert buffer.end == len(everything) / RATE
        forgotten = max(forgotten, share * buffer.end)
        buffer.drop_before(forgotten)
        assert buffer.start <= forgotten
        start = int(np.ceil(forgotten * RATE))
        assert np.array_equal(buffer.slice(start / RATE, buffer.end), to_float(everything[start:]))


def test_the_buffer_does_not_grow_with_the_call() -> None:
    buffer = AudioBuffer()
    for second in range(600):
        buffer.append(np.zeros(RATE, np.int16))
        buffer.drop_before(second - 25.0)
    assert buffer._data.nbytes < 3_000_000


def test_float_samples_as_sixteen_bit() -> None:
    samples = np.array([0, 1, -1, 32767, -32768], np.int16)
    assert np.array_equal(to_int16(to_float(samples)), samples)
    assert to_int16(np.array([1.5, -1.5], np.float32)).tolist() == [32767, -32768]
