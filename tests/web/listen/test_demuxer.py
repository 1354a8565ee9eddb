"""Containers of every form; nothing waits longer than its decoder needs."""

from __future__ import annotations

import av
import numpy as np
import pytest

from callscribe.web.listen.demuxer import decode
from tests.web.listen.conftest import wav
from tests.web.listen.encoded import TONE, coded, cut, reading


@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("ogg", "libopus", 48_000),
        ("webm", "libopus", 48_000),
        ("flac", "flac", 16_000),
        ("wav", "pcm_s24le", 16_000),
        ("mp3", "libmp3lame", 44_100),
        ("adts", "aac", 16_000),
    ],
)
def test_containers_as_they_come(form: str, codec: str, rate: int) -> None:
    pieces = cut(coded(form, codec, rate), 1000)
    found = np.concatenate(list(decode(reading(pieces))), axis=1)
    assert found.shape[1] == pytest.approx(len(TONE), abs=2500)
    middle = found[0, 16_000:32_000].astype(float)
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings == pytest.approx(880, abs=4)


def test_a_plain_wav_file() -> None:
    found = np.concatenate(list(decode(reading([wav(16_000, TONE[None])[:9000]]))), axis=1)
    assert np.array_equal(found[0], TONE[: (9000 - 44) // 2])


@pytest.mark.parametrize(
    ("form", "codec", "rate", "seconds"),
    [
        ("webm", "libopus", 48_000, 0.2),
        ("mp3", "libmp3lame", 44_100, 0.4),
        ("adts", "aac", 16_000, 0.5),
        ("ogg", "libopus", 48_000, 1.3),  # its pages hold a second
        ("flac", "flac", 16_000, 1.6),  # the decoder looks ten blocks ahead
    ],
)
def test_the_first_sound_comes_early(form: str, codec: str, rate: int, seconds: float) -> None:
    data = coded(form, codec, rate)
    taken: list[int] = []
    assert next(decode(reading(cut(data, 100), taken))).size
    assert sum(taken) / len(data) * 3 < seconds


def test_what_is_no_audio() -> None:
    with pytest.raises(av.error.FFmpegError):
        list(decode(reading([b"words, words " * 1000] * 6)))
