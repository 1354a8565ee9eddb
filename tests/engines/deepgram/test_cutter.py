"""Pieces of about three seconds, cut where nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from callscribe.engines.deepgram.cutter import LONGEST, PREROLL, TARGET, PauseCutter, Piece
from callscribe.engines.silero import SileroModel
from tests import speech


def cut(cutter: PauseCutter, pcm: bytes, size: int = 1600) -> list[Piece]:
    pieces = [p for at in range(0, len(pcm), size) for p in cutter.push(pcm[at : at + size])]
    return pieces + cutter.flush()


@pytest.mark.parametrize("speaker", ["agent", "technician"])
def test_no_word_is_cut_and_none_is_left_out(silero: SileroModel, speaker: str) -> None:
    rate, samples = speech.leg("fr", speaker)
    pieces = cut(PauseCutter(rate, silero.stream()), samples.astype("<i2").tobytes())
    covered = np.zeros(len(samples), bool)
    for piece in pieces:
        start = round(piece.start * rate)
        assert np.array_equal(samples[start : start + len(piece.samples)], piece.samples)
        assert not covered[start : start + len(piece.samples)].any()
        covered[start : start + len(piece.samples)] = True
        assert len(piece.samples) / rate <= LONGEST + 1
    for spoken in speech.script("fr"):
        if spoken.speaker == speaker:
            inside = covered[round((spoken.start + 0.1) * rate) : round(spoken.end * rate)]
            assert inside.mean() > 0.98, spoken
    edges = [p.start + len(p.samples) / rate for p in pieces[:-1]]
    loudest = np.abs(samples).max()
    for edge in edges:
        around = samples[max(round((edge - 0.02) * rate), 0) : round((edge + 0.02) * rate)]
        assert np.abs(around).max() < 0.35 * loudest


def test_silence_is_not_sent(silero: SileroModel) -> None:
    cutter = PauseCutter(16_000, silero.stream())
    assert not cut(cutter, bytes(32_000 * 10))
    assert cutter.seconds == pytest.approx(10)
    assert cutter.cut_to == pytest.approx(10 - PREROLL)


def test_somebody_who_never_pauses_is_cut_all_the_same() -> None:
    cutter = PauseCutter(16_000, lambda _: 0.9)
    noise = np.random.default_rng(1).integers(-3000, 3000, 16_000 * 45).astype("<i2")
    pieces = cut(cutter, noise.tobytes())
    assert len(pieces) >= 2
    assert sum(len(p.samples) for p in pieces) == len(noise)
    assert all(len(p.samples) <= (LONGEST + 0.1) * 16_000 for p in pieces)


def test_what_is_short_waits() -> None:
    cutter = PauseCutter(16_000, lambda _: 0.9)
    assert not cutter.push(bytes(round((TARGET - 0.1) * 32_000)))
    (piece,) = cutter.flush()
    assert piece.start == 0.0
    assert not cutter.flush()
    assert cutter.cut_to == piece.end(16_000)
    assert PREROLL < TARGET
