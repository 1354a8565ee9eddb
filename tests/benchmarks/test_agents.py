"""The load that agents and the store are measured by."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.agents import measure
from callscribe.agents.entities import EntitiesAgent

pytestmark = pytest.mark.anyio


async def test_figures_come_out_and_agents_find_something(tmp_path: Path) -> None:
    figures = await measure(tmp_path, [EntitiesAgent()], calls=10, seconds=1)
    assert 0 < figures["loop_us"] <= figures["process_us"]
    assert 0 < figures["told_p50_ms"] <= figures["told_p99_ms"]
    assert 1 <= figures["batch"] <= 10
    assert figures["found"] == 1
