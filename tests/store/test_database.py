"""Addresses, connections, and what is said when they cannot be."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, text

from callscribe.errors import ConfigurationError, StoreError
from callscribe.store import create_store
from callscribe.store.database import Database, make_folder, name_of, parse_address
from callscribe.store.together import driver_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("address", "driver", "database"),
    [
        ("calls.db", "sqlite+aiosqlite", "calls.db"),
        ("/var/50%/a?b#c.db", "sqlite+aiosqlite", "/var/50%/a?b#c.db"),
        ("sqlite:///calls.db", "sqlite+aiosqlite", "calls.db"),
        ("sqlite:////var/calls.db", "sqlite+aiosqlite", "/var/calls.db"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite", "x.db"),
        ("postgresql://me@host/calls", "postgresql+asyncpg", "calls"),
        ("postgres://me:pw@host:5433/calls", "postgresql+asyncpg", "calls"),
    ],
)
def test_addresses(address: str, driver: str, database: str) -> None:
    url = parse_address(address)
    assert (url.drivername, url.database) == (driver, database)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "empty"),
        ("mysql://me@host/calls", "mysql"),
        ("sqlite://", "a file"),
        ("sqlite:///:memory:", "a file"),
        ("postgresql://me:secret@host:port/x", "malformed"),
        ("://secret", "malformed"),
    ],
)
async def test_wrong_addresses(address: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as raised:
        await create_store(address)
    assert "secret" not in raised.value.message


def test_names_hold_no_password() -> None:
    name = name_of(parse_address("postgresql://me:secret@host/calls?password=secret"))
    assert name == "postgresql://me:***@host/calls"
    assert name_of(parse_address("sqlite:///calls.db")) == "calls.db"


async def test_what_is_on_disk_is_on_disk(file: URL) -> None:
    database = Database(file)
    async with database.writing() as connection:
        mode = await connection.scalar(text("PRAGMA journal_mode"))
        synchronous = await connection.scalar(text("PRAGMA synchronous"))
        assert (mode, synchronous) == ("wal", 2)

    def asked(connection: Connection) -> list[object]:
        return [
            connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")
        ]

    assert await database.write(asked) == ["wal", 2]
    await database.close()


async def test_postgres_is_told_to_wait_for_its_disk(postgres: str) -> None:
    database = Database(parse_address(postgres))
    async with database.writing() as connection:
        assert await connection.scalar(text("SHOW synchronous_commit")) == "on"
    await database.close()


async def test_a_transaction_that_fails_leaves_nothing(both: URL) -> None:
    database = Database(both)

    async def fail() -> None:
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE t (n INTEGER)"))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    with pytest.raises(StoreError):
        async with database.reading() as connection:
            await connection.execute(text("SELECT n FROM t"))
    await database.close()


async def test_what_is_done_in_one_transaction_is_done_whole_or_not_at_all(both: URL) -> None:
    database = Database(both)

    def make(connection: Connection, number: int) -> int:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        await database.write(make, 0)
    assert await database.write(make, 1) == 1
    with pytest.raises(StoreError):
        await database.write(make, 1)  # it is there
    async with database.reading() as connection:
        assert (await connection.scalars(text("SELECT n FROM t"))).all() == [1]
    await database.close()
    await database.close()
    with pytest.raises(StoreError, match="closed"):
        await database.write(make, 1)


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


async def test_closing_waits_for_who_writes(file: URL) -> None:
    database = Database(file)
    async with asyncio.TaskGroup() as tasks, database.writing() as connection:
        closing = tasks.create_task(database.close())
        await connection.execute(text("CREATE TABLE t (n INTEGER)"))
        assert not closing.done()
    with pytest.raises(StoreError, match="closed"):
        async with database.writing():
            pass


async def test_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "calls.db"
    await (await create_store(str(path))).close()
    assert path.exists()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file"):
        make_folder(parse_address(str(tmp_path / "file" / "calls.db")))


async def test_a_disk_that_cannot_be_written_is_said() -> None:
    with pytest.raises(StoreError, match=r"The folder /proc/callscribe .* CALLSCRIBE_DATA_DIR"):
        await create_store("/proc/callscribe/calls.db")


async def test_a_file_that_is_something_else_is_said(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    path.write_text("Not a database, but long enough to look like one. " * 100)
    with pytest.raises(StoreError, match="no SQLite database") as raised:
        await create_store(str(path))
    assert not raised.value.retryable
    assert path.read_text().startswith("Not a database")


async def test_a_server_that_is_missing_is_said(tmp_path: Path) -> None:
    for address in (
        f"postgresql://me:secret@/calls?host={tmp_path}",
        "postgresql://me:secret@127.0.0.1:1/calls",
    ):
        with pytest.raises(StoreError, match="does not answer") as raised:
            await create_store(address)
        assert raised.value.retryable
        assert "secret" not in raised.value.message


async def test_a_database_that_is_missing_is_said(postgres: str) -> None:
    with pytest.raises(StoreError, match="createdb") as raised:
        await create_store(postgres.replace("/postgres?", "/nowhere?"))
    assert not raised.value.retryable
