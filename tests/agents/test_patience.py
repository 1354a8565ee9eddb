"""Asking until there is an answer."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from callscribe.agents.attempt import Retries
from callscribe.agents.patience import Closing, Patience
from callscribe.errors import StoreError

pytestmark = pytest.mark.anyio


async def test_it_asks_again_and_says_so() -> None:
    left = [StoreError("what was said"), ValueError("what was said")]

    async def ask() -> int:
        if left:
            raise left.pop(0)
        return 7

    with capture_logs() as logs:
        assert await Patience(Retries(first=0.001)).insist(ask, "agent", "call") == 7
    assert [log["event"] for log in logs] == ["agent_waits_for_store"] * 2
    assert "what was said" not in str(logs)


async def test_other_errors_are_raised() -> None:
    async def ask() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Patience(Retries()).insist(ask, "agent", on=StoreError)


async def test_when_it_is_over_it_asks_once_and_waits_for_nothing() -> None:
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        raise StoreError("away")

    patience = Patience(Retries(first=1000, longest=1000))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_closed(patience, ask))
        await asyncio.sleep(0)
        patience.over.set()
    assert (await asking, asked) == (True, 1)
    assert await _closed(patience, ask)
    assert asked == 2


async def _closed(patience: Patience, ask: object) -> bool:
    with pytest.raises(Closing):
        await patience.insist(ask, "agent")  # type: ignore[arg-type]
    return True
