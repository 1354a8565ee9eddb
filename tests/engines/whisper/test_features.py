"""Log-mel features against the reference implementation that faster-whisper has."""

from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from callscribe.engines.whisper.features import MAX_FRAMES, LogMel, mel_filters
from tests.speech import leg


def test_filters_are_the_reference_ones() -> None:
    assert np.allclose(mel_filters(80), FeatureExtractor().mel_filters, atol=1e-6)


def test_features_are_the_reference_ones_within_the_audio() -> None:
    _, samples = leg("en", "agent")
    audio = samples[: 5 * 16_000].astype(np.float32) / 32768
    ours = LogMel()(audio, 5.0)
    theirs = FeatureExtractor()(audio, padding=5 * 16_000)[:, :1000]
    assert ours.shape == (80, 1000)
    # The reference mirrors the audio at its edges, ours is silent there.
    assert np.abs(ours[:, 3:495] - theirs[:, 3:495]).max() < 1e-4


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 29.9, 45.0])
def test_any_length_gives_an_even_number_of_frames_up_to_the_limit(seconds: float) -> None:
    features = LogMel()(np.zeros(int(seconds * 16_000), np.float32), 1.0)
    assert features.shape[1] % 2 == 0
    assert 0 < features.shape[1] <= MAX_FRAMES
    assert np.isfinite(features).all()
