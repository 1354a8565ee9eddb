"""The load that the store is measured by."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.store import disk_wait_ms, measure, show
from callscribe.store import create_store

pytestmark = pytest.mark.anyio


async def test_figures_come_out_and_nothing_is_left(tmp_path: Path) -> None:
    address = str(tmp_path / "calls.db")
    figures = await measure(address, sessions=3, seconds=0.3)
    assert figures["finals_per_s"] > 0
    assert 1 <= figures["batch"] <= 3
    assert 0 < figures["append_p50_ms"] <= figures["append_p99_ms"]
    assert figures["append_p50_ms"] <= figures["told_p99_ms"]
    row = {"database": "SQLite", "sessions": 3, **figures}
    assert show([row, row])[0][:2] == ["SQLite", "3"]
    store = await create_store(address)
    assert await store.calls() == []
    await store.close()


def test_the_disk_takes_time(tmp_path: Path) -> None:
    assert disk_wait_ms(tmp_path) > 0
