"""Agents' cursors and letters."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import URL

from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


async def test_cursors_that_race_end_at_the_highest(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), final(2, "Un.")])
    async with asyncio.TaskGroup() as tasks:
        for seq in (3, 9, 1, 7, 8, 2):
            tasks.create_task(store.advance("a", "call", seq))
    assert await store.cursor("a", "call") == 9
    await store.close()


async def test_a_new_call_of_an_old_name_is_read_from_its_beginning(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), final(2, "Un.")])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.delete("call"))
        for seq in range(10, 20):
            tasks.create_task(store.advance("a", "call", seq))
    await store.append([started(), final(2, "Deux.")])
    assert await store.cursor("a", "call") == 0
    assert await store.behind("a") == ["call"]
    await store.close()
