"""How many legs the machine carries."""

from __future__ import annotations

import numpy as np

from callscribe.engines.whisper.capacity import measure_capacity, sample_speech
from callscribe.engines.whisper.decoder import WhisperDecoder


def test_the_measure_is_made_on_speech() -> None:
    audio = sample_speech(6.0)
    assert len(audio) == 6 * 16_000
    assert 0.05 < float(np.abs(audio).max()) <= 1.0


def test_there_is_room_for_one_leg_at_least(decoder: WhisperDecoder) -> None:
    assert measure_capacity(decoder) >= 1
