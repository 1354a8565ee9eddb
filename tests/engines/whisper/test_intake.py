"""A leg's audio as it comes in."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.whisper.intake import Intake
from callscribe.errors import AudioError
from tests.engines.whisper.test_stream import hush, tone, voice


def test_what_it_hears_does_not_depend_on_how_the_audio_is_cut() -> None:
    pcm = hush(0.5) + tone(1.0) + hush(0.31)
    whole, cut = Intake(16_000, voice), Intake(16_000, voice)
    at_once = list(whole.take(pcm, 0.0))
    in_pieces = [c for at in range(0, len(pcm), 70) for c in cut.take(pcm[at : at + 70], 0.0)]
    assert at_once == in_pieces
    assert len(at_once) == len(pcm) // 2 // 512
    assert whole.heard == cut.heard == pytest.approx(1.81)


def test_telephone_audio_is_kept_at_16_khz_to_the_last_sample() -> None:
    intake = Intake(8_000, voice)
    list(intake.take(tone(1.0, 8_000), 0.0))
    list(intake.take(b"", 0.0, last=True))
    assert intake.heard == pytest.approx(1.0, abs=0.001)
    assert len(intake.slice(0.25, 0.75)) == 8_000


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioError):
        list(Intake(16_000, voice).take(b"\x00\x00\x00", 0.0))


def test_what_is_forgotten_is_gone_and_the_rest_keeps_its_times() -> None:
    intake = Intake(16_000, voice)
    list(intake.take(hush(30.0) + tone(1.0), 0.0))
    kept = intake.slice(30.5, 31.0)
    intake.forget_before(30.0)
    assert 20.0 < intake.start <= 30.0
    assert np.array_equal(intake.slice(30.5, 31.0), kept)


def test_latency_counts_from_when_the_audio_had_come() -> None:
    intake = Intake(16_000, voice)
    for second in range(3):
        list(intake.take(tone(1.0), 10.0 + second))
    assert intake.latency(1.5, 11.3) == pytest.approx(300.0)
    assert intake.latency(3.0, 11.0) == 0.0
    assert intake.latency(9.0, 13.0) is None
