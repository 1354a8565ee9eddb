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


async def test_who_writes_cursors_and_who_writes_events_do_not_entangle(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    names = [f"call {n}" for n in range(20)]
    await store.append([started(name) for name in names])
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        for seq in range(2, 12):
            order = names if seq % 2 else names[::-1]
            tasks.create_task(store.advance_all({("a", name): seq for name in order}))
            tasks.create_task(store.append([final(seq, "x", session_id=name) for name in order]))
    assert {await store.cursor("a", name) for name in names} == {11}
    assert {len(await store.events(name)) for name in names} == {11}
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
