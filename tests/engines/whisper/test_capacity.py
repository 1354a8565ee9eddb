"""How many legs the machine carries."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.whisper.capacity import measure_capacity, sample_speech
from callscribe.engines.whisper.decoder import WhisperDecoder


def test_the_measure_is_made_on_speech() -> None:
    audio = sample_speech(6.0)
    assert len(audio) == 6 * 16_000
    assert 0.05 < float(np.abs(audio).max()) <= 1.0


@pytest.mark.parametrize(("seconds", "legs"), [(0.3, 15), (3.0, 2), (60.0, 1)])
def test_the_slower_a_machine_the_fewer_legs_it_takes(
    decoder: WhisperDecoder, seconds: float, legs: int
) -> None:
    moments = iter([0.0, seconds])
    assert measure_capacity(decoder, lambda: next(moments)) == legs
