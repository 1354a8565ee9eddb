"""Raw samples, however they are cut."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.audio import Int16Array
from callscribe.web.listen.raw import Raw
from tests.web.listen.encoded import TONE, cut


def read(reader: Raw, pieces: list[bytes]) -> Int16Array:
    blocks = [block for piece in pieces for block in reader.push(piece)]
    return np.concatenate([*blocks, *reader.finish()], axis=1)


@pytest.mark.parametrize("size", [1, 7, 640, 100_000])
def test_raw_samples_come_through_however_they_are_cut(size: int) -> None:
    data = TONE[:4000].astype("<i2").tobytes()
    assert np.array_equal(read(Raw("linear16", 1, 16_000), cut(data, size))[0], TONE[:4000])


def test_channels_are_taken_apart() -> None:
    both = np.stack([TONE, -TONE], axis=1).astype("<i2").tobytes()
    found = read(Raw("linear16", 2, 16_000), cut(both, 999))
    assert np.array_equal(found[0], TONE)
    assert np.array_equal(found[1], -TONE)


def test_floats_that_are_none_are_silence() -> None:
    data = np.array([0.5, np.nan, np.inf, -9.0], "<f4").tobytes()
    assert read(Raw("linear32", 1, 16_000), [data])[0].tolist() == [16383, 0, 32767, -32767]
