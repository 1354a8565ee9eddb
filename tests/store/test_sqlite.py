"""SQLite in its threads."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest
from sqlalchemy import URL, Connection, text

from callscribe.errors import StoreError
from callscribe.store.database import Database
from callscribe.store.sqlite import READERS
from callscribe.store.together import driver_of

pytestmark = pytest.mark.anyio


async def test_who_writes_goes_on_behind_what_failed(file: URL) -> None:
    database, connections = Database(file, busy=0.1), []

    def put(connection: Connection, number: int) -> None:
        connections.append(driver_of(connection))
        driver_of(connection).execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)")
        driver_of(connection).execute("INSERT INTO t VALUES (?)", (number,))

    await database.write(put, 1)
    await database.write(put, 2)
    assert connections[0] is connections[1], "none is opened for each transaction"
    with pytest.raises(StoreError):
        await database.write(put, 2)
    other = sqlite3.connect(str(file.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program") as raised:
        await database.write(put, 3)
    assert raised.value.retryable
    other.execute("ROLLBACK")
    await database.write(put, 4)
    assert other.execute("SELECT n FROM t").fetchall() == [(1,), (2,), (4,)]
    other.close()
    await database.close()


async def test_what_nobody_waits_for_any_more_is_ended_before_it_closes(file: URL) -> None:
    database, go, done = Database(file), threading.Event(), []

    def slow(connection: Connection) -> None:
        go.wait(10)
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        done.append(True)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await database.write(slow)
    closing = asyncio.ensure_future(database.close())
    await asyncio.sleep(0)
    go.set()
    await closing
    assert done


async def test_closing_waits_for_who_writes_and_who_reads(file: URL) -> None:
    database, go, done = Database(file), threading.Event(), []

    def slow(_: Connection) -> None:
        go.wait(10)
        done.append(True)

    asked = [asyncio.create_task(work(slow)) for work in (database.write, database.read)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    go.set()
    await asyncio.gather(closing, *asked)
    assert len(done) == 2
    await database.close()
    with pytest.raises(StoreError, match="closed"):
        await database.read(slow)


async def test_who_looks_something_up_does_not_wait_for_long_searches(file: URL) -> None:
    database, go = Database(file), threading.Event()
    await database.write(lambda connection: connection.execute(text("CREATE TABLE t (n INTEGER)")))
    searches = [
        asyncio.create_task(database.read(lambda _: go.wait(10))) for _ in range(READERS - 1)
    ]
    found = await database.read(lambda c: c.scalar(text("SELECT count(*) FROM t")))
    assert found == 0
    assert not any(search.done() for search in searches)
    go.set()
    await asyncio.gather(*searches)
    await database.close()


async def test_one_reading_sees_one_state_of_things(file: URL) -> None:
    database, seen, go = Database(file), threading.Event(), threading.Event()
    await database.write(lambda connection: connection.execute(text("CREATE TABLE t (n INTEGER)")))

    def twice(connection: Connection) -> list[int]:
        counts = [connection.scalar(text("SELECT count(*) FROM t"))]
        seen.set()
        go.wait(10)
        return [*counts, connection.scalar(text("SELECT count(*) FROM t"))]

    reading = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(seen.wait, 5)
    await database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")))
    go.set()
    assert await reading == [0, 0]
    assert await database.read(lambda c: c.scalar(text("SELECT count(*) FROM t"))) == 1
    await database.close()


async def test_a_reading_that_fails_holds_nothing_up(file: URL) -> None:
    database = Database(file)
    await database.write(lambda connection: connection.execute(text("CREATE TABLE t (n INTEGER)")))
    for _ in range(2 * READERS):
        with pytest.raises(StoreError):
            await database.read(lambda connection: connection.execute(text("SELECT x FROM t")))
    assert await database.read(lambda c: c.scalar(text("SELECT count(*) FROM t"))) == 0
    await database.close()
