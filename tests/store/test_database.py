"""Addresses, connections, and what is said when they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, text

from callscribe.errors import ConfigurationError, StoreError
from callscribe.store import create_store
from callscribe.store.database import Database, make_folder, name_of, parse_address

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("address", "driver", "database"),
    [
        ("calls.db", "sqlite+pysqlite", "calls.db"),
        ("/var/50%/a?b#c.db", "sqlite+pysqlite", "/var/50%/a?b#c.db"),
        ("sqlite:///calls.db", "sqlite+pysqlite", "calls.db"),
        ("sqlite:////var/calls.db", "sqlite+pysqlite", "/var/calls.db"),
        ("sqlite+aiosqlite:///x.db", "sqlite+pysqlite", "x.db"),
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

    def asked(connection: Connection) -> list[object]:
        return [
            connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")
        ]

    assert await database.write(asked) == ["wal", 2]
    await database.close()


async def test_postgres_is_told_to_wait_for_its_disk(postgres: str) -> None:
    database = Database(parse_address(postgres))
    show = text("SHOW synchronous_commit")
    assert await database.write(lambda connection: connection.scalar(show)) == "on"
    await database.close()


async def test_a_transaction_that_fails_leaves_nothing(both: URL) -> None:
    database = Database(both)

    def fail(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(fail)
    with pytest.raises(StoreError):
        await database.read(lambda connection: connection.execute(text("SELECT n FROM t")))
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
    found = await database.read(lambda c: c.scalars(text("SELECT n FROM t")).all())
    assert found == [1]
    await database.close()
    await database.close()
    with pytest.raises(StoreError, match="closed"):
        await database.write(make, 1)


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
