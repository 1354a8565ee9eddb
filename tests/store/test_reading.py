"""Reading goes on whoever writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import URL, Connection, TextClause, text

from callscribe.store import reading
from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from callscribe.store.sqlite import Sqlite
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def changing(database: Database, change: TextClause) -> AsyncIterator[None]:
    """Changes something, and ends the transaction later."""
    kind = database._kind
    if not isinstance(kind, Sqlite):
        async with kind.writer.begin() as connection:
            await connection.execute(change)
            yield
        return
    changed, go = threading.Event(), threading.Event()

    def slowly(connection: Connection) -> None:
        connection.execute(change)
        changed.set()
        go.wait(10)

    writing = asyncio.create_task(kind.write(slowly))
    try:
        assert await asyncio.to_thread(changed.wait, 5)
        yield
    finally:
        go.set()
        await writing


async def test_who_reads_does_not_wait_for_who_writes(both: URL) -> None:
    await migrate(both)
    database = Database(both)
    store = SqlStore(database)
    await store.append([started(), final(2, "Un.")])
    change = text("UPDATE utterances SET text = 'Deux.'")
    async with changing(database, change):
        async with asyncio.timeout(5):
            assert [u.text for u in (await store.transcript("call")).utterances] == ["Un."]
            assert len(await store.calls(search="un")) == 1
            assert len(await asyncio.gather(*(store.events("call") for _ in range(20)))) == 20
    assert [u.text for u in (await store.transcript("call")).utterances] == ["Deux."]
    await store.close()


async def test_reading_cannot_change_anything(file: URL) -> None:
    await migrate(file)
    database = Database(file)
    with pytest.raises(Exception, match="readonly"):
        await database.read(lambda connection: connection.execute(text("DELETE FROM calls")))
    await database.close()


async def test_long_calls_are_read_beside_the_loop(
    both: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    many = reading.ON_THE_LOOP + 1
    threads = []

    def watched(value: str) -> object:
        threads.append(threading.current_thread())
        return value

    await store.append([started(), *(final(seq, "x") for seq in range(2, many + 1))])
    monkeypatch.setattr(reading, "from_json", watched)
    assert len(await store.events("call")) == many
    assert threading.main_thread() not in threads
    await store.close()
