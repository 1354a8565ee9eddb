"""SQLite in its threads."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest
from sqlalchemy import URL, Connection, text

from callscribe.errors import StoreError
from callscribe.store import database as module
from callscribe.store.database import Database
from callscribe.store.sqlite import READERS, Sqlite
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


class Slow:
    """Work that has begun, and goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.done = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, _: Connection) -> None:
        self.begun.set()
        self.go.wait(10)
        self.done.set()


def endless(connection: Connection) -> None:
    """A search that has no end."""
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    connection.execute(text(numbers))


async def begun(*works: Slow) -> None:
    for work in works:
        assert await asyncio.to_thread(work.begun.wait, 5)


async def test_what_nobody_waits_for_any_more_is_ended_before_it_closes(file: URL) -> None:
    database, slow, never = Database(file), Slow(), Slow()
    writing = [asyncio.create_task(database.write(work)) for work in (slow, never)]
    await begun(slow)
    for task in writing:
        task.cancel()
    await asyncio.wait(writing)
    closing = [asyncio.create_task(database.close()) for _ in range(2)]
    await asyncio.wait(closing, timeout=0.05)
    assert not any(task.done() for task in closing)
    slow.go.set()
    await asyncio.gather(*closing)
    assert slow.done.is_set()
    assert not never.begun.is_set(), "it stood in line"
    with pytest.raises(StoreError, match="closed"):
        await database.write(never)


async def test_a_cancelled_end_can_be_waited_for_again(file: URL) -> None:
    database, slow = Database(file), Slow()
    writing = asyncio.create_task(database.write(slow))
    await begun(slow)
    closing = asyncio.create_task(database.close())
    await asyncio.wait([closing], timeout=0.05)
    closing.cancel()
    await asyncio.wait([closing])
    slow.go.set()
    await database.close()
    await writing


async def test_closing_ends_searches(file: URL) -> None:
    database = Database(file)
    searches = [asyncio.create_task(database.read(endless)) for _ in range(READERS + 2)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await database.close()
    for search in searches:
        with pytest.raises(StoreError, match="interrupted") as raised:
            await search
        assert raised.value.retryable


async def test_searches_that_nobody_waits_for_hold_nothing_up(file: URL) -> None:
    database = Database(file)
    searches = [asyncio.create_task(database.read(endless)) for _ in range(READERS + 2)]
    await asyncio.sleep(0.1)
    for search in searches:
        search.cancel()
    await asyncio.wait(searches)
    async with asyncio.timeout(5):
        for _ in range(2 * READERS):
            assert await database.read(lambda c: c.scalar(text("SELECT 1"))) == 1
    await database.close()


async def test_a_search_that_nobody_waits_for_before_it_begins_never_does(
    file: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, opening, go = Database(file), threading.Event(), threading.Event()
    assert isinstance(database._kind, Sqlite)
    engine, work = database._kind._reader._engine, Slow()
    connect = engine.connect

    def slowly() -> Connection:
        opening.set()
        go.wait(10)
        return connect()

    monkeypatch.setattr(engine, "connect", slowly)
    search = asyncio.create_task(database.read(work))
    assert await asyncio.to_thread(opening.wait, 5)
    search.cancel()
    await asyncio.wait([search])
    go.set()
    await database.close()
    assert not work.begun.is_set()


async def test_an_answer_is_not_waited_for_for_ever(
    file: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER", 0.1)
    database = Database(file)
    with pytest.raises(StoreError, match="takes too long to answer") as raised:
        await database.read(endless)
    assert raised.value.retryable
    assert await database.read(lambda c: c.scalar(text("SELECT 1"))) == 1
    await database.close()


async def test_who_looks_something_up_does_not_wait_for_long_searches(file: URL) -> None:
    database, searches = Database(file), [Slow() for _ in range(READERS - 1)]
    searching = [asyncio.create_task(database.read(search)) for search in searches]
    try:
        await begun(*searches)
        async with asyncio.timeout(5):
            assert await database.read(lambda c: c.scalar(text("SELECT 1"))) == 1
        assert not any(search.done.is_set() for search in searches)
    finally:
        for search in searches:
            search.go.set()
    await asyncio.gather(*searching)
    await database.close()


async def test_a_cursor_that_somebody_still_has_locks_nobody_out(file: URL) -> None:
    database, cursors = Database(file), []
    await database.write(
        lambda c: c.execute(text("CREATE TABLE t AS SELECT 1 AS n UNION SELECT 2"))
    )

    def fail(connection: Connection) -> None:
        driver = driver_of(connection)
        driver.execute("INSERT INTO t VALUES (3)")
        cursors.append(driver.execute("SELECT n FROM t"))
        cursors[-1].fetchone()
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(fail)
    assert await database.write(lambda c: c.scalar(text("SELECT count(*) FROM t"))) == 2
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
