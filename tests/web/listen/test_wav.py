"""WAV files of raw samples: every byte counts, however they are cut and whatever is around them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from callscribe.audio import Int16Array
from callscribe.web.listen.wav import Source, is_plain_wav, read_wav
from callscribe.wire.g711 import samples_to_alaw, samples_to_mulaw
from tests.web.listen.conftest import wav
from tests.web.listen.encoded import TONE, coded, cut, reading, wav_head

PCM = TONE.astype("<i2").tobytes()


def heard(pieces: Iterable[bytes]) -> Int16Array:
    stream = Source(reading(pieces))
    assert is_plain_wav(stream)
    return np.concatenate(list(read_wav(stream)), axis=1)


@pytest.mark.parametrize("size", [1, 13, 640, 200_000])
def test_samples_come_through_however_they_are_cut(size: int) -> None:
    assert np.array_equal(heard(cut(wav(16_000, TONE[None]), size))[0], TONE)


def test_channels_are_taken_apart() -> None:
    both = np.stack([TONE, -TONE])
    assert np.array_equal(heard([wav(16_000, both)]), both)


def test_what_comes_before_the_end_is_given_at_once() -> None:
    def pieces() -> Iterator[bytes]:
        yield wav_head(1, 16)
        yield PCM[:640]
        raise AssertionError("it waited for more")

    stream = Source(reading(pieces()))
    assert is_plain_wav(stream)
    assert np.array_equal(next(read_wav(stream))[0], TONE[:320])


@pytest.mark.parametrize("length", [0, 0xFFFF_FFFF, 0xFFFF_FFDB])
def test_a_length_that_is_not_known_yet(length: int) -> None:
    assert np.array_equal(heard([wav_head(1, 16, length=length), PCM])[0], TONE)


@pytest.mark.parametrize(
    ("tag", "bits", "data"),
    [
        (3, 32, (TONE / 32767).astype("<f4").tobytes()),
        (6, 8, samples_to_alaw(TONE)),
        (7, 8, samples_to_mulaw(TONE)),
    ],
)
def test_other_samples(tag: int, bits: int, data: bytes) -> None:
    found = heard([wav_head(tag, bits), data])[0].astype(int)
    assert len(found) == len(TONE)
    assert np.abs(found - TONE).max() < 300


def test_other_rates_are_brought_to_ours() -> None:
    found = heard(cut(wav(8000, TONE[None]), 1001))[0]
    assert len(found) == 2 * len(TONE)
    crossings = np.count_nonzero(np.diff(np.signbit(found[16_000:32_000])))
    assert crossings == pytest.approx(440, abs=2)


def test_parts_that_are_no_sound_are_passed_over() -> None:
    note = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    whole = wav(16_000, TONE[None])
    data = whole[:12] + note + whole[12:36] + note + whole[36:] + note
    assert np.array_equal(heard(cut(data, 77))[0], TONE)


def test_one_file_after_the_other() -> None:
    files = [wav(16_000, TONE[None, at : at + 4800]) for at in range(0, len(TONE), 4800)]
    assert np.array_equal(heard(files)[0], TONE)
    with pytest.raises(ValueError, match="another form"):
        heard([files[0], wav_head(1, 24)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RI",
        b"RIFF\0\0\0\0AVI LIST",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RIFF\0\0\0\0WAVE" + (b"LIST" + struct.pack("<I", 5000) + bytes(5000)) * 4,
        wav_head(1, 24),
        wav_head(1, 16, channels=0),
        wav_head(2, 4),
        coded("ogg", "libopus"),
    ],
)
def test_what_is_no_such_file_is_left_as_it_is(data: bytes) -> None:
    stream = Source(reading([data]))
    assert not is_plain_wav(stream)
    assert stream.exactly(len(data) + 1) == data
