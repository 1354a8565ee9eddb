"""Recordings on their way to disk; the routes' tests send real ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from callscribe.web.listen.plan import make_plan
from callscribe.web.listen.upload import Upload
from callscribe.wire.deepgram_query import ListenQuery
from callscribe.wire.g711 import samples_to_mulaw


def test_raw_telephone_samples_are_resampled_by_channel(tmp_path: Path) -> None:
    time = np.arange(16_000) / 8_000
    left = (8000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)
    both = np.stack([left, np.zeros_like(left)], axis=1).reshape(-1)
    path = tmp_path / "x"
    path.write_bytes(samples_to_mulaw(both))
    query = ListenQuery(encoding="mulaw", sample_rate=8000, channels=2, multichannel=True)
    upload = Upload(path, "", None, make_plan(query, streaming=False))

    async def heard(channel: int | None) -> np.ndarray:
        return np.concatenate([block async for block in upload.blocks(channel)])

    loud, silent, mixed = (asyncio.run(heard(channel)) for channel in (0, 1, None))
    assert len(loud) == len(silent) == len(mixed) == 32_000
    assert np.abs(loud[8000:24_000]).max() > 0.2
    assert np.abs(silent).max() < 0.01
    assert np.abs(mixed).max() < 0.6 * np.abs(loud).max()
