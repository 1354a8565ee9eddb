"""A flag does what ``asyncio.Event`` does."""

from __future__ import annotations

import asyncio

import pytest

from callscribe.flag import Flag

pytestmark = pytest.mark.anyio


async def test_all_who_wait_go_on() -> None:
    flag = Flag()
    waiting = [asyncio.create_task(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    flag.set()
    flag.set()
    assert flag.is_set()
    flag.clear()
    await asyncio.wait_for(asyncio.gather(*waiting), 1.0)  # it has happened all the same
    assert not flag.is_set()


async def test_what_has_happened_is_not_waited_for() -> None:
    flag = Flag()
    flag.set()
    await flag.wait()


async def test_who_gives_up_leaves_nothing_behind() -> None:
    flag = Flag()
    waiting = asyncio.create_task(flag.wait())
    other = asyncio.create_task(flag.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    flag.set()
    await asyncio.wait_for(other, 1.0)
    assert not flag._waiting
