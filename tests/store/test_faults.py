"""What the databases' errors mean."""

from __future__ import annotations

import asyncio
import sqlite3

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, StatementError

from callscribe.errors import EventRefused, StoreError
from callscribe.store.faults import explained, told


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says\nand more")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "says", "retryable"),
    [
        (sqlite3.SQLITE_BUSY, "locked", True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked", True),
        (sqlite3.SQLITE_FULL, "full", True),
        (sqlite3.SQLITE_IOERR_WRITE, "disk", True),
        (sqlite3.SQLITE_READONLY, "writable", True),
        (sqlite3.SQLITE_NOTADB, "no SQLite database", False),
        (sqlite3.SQLITE_ERROR, "refused what it was asked", False),
    ],
)
def test_sqlite(code: int, says: str, retryable: bool) -> None:
    error = told(DBAPIError("SELECT secret", {}, of_sqlite(code)), "calls.db")
    assert says in error.message
    assert error.message.startswith("The store calls.db ")
    assert error.message.endswith("(what SQLite says).")
    assert "secret" not in error.message
    assert error.retryable is retryable
    assert told(of_sqlite(code), "calls.db").message == error.message


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        StatementError("m", "s", {}, OverflowError("secret")),
        StatementError("m", "s", {}, TypeError("secret")),
        asyncpg.NotNullViolationError("secret"),
        asyncpg.NumericValueOutOfRangeError("secret"),
    ],
)
def test_one_event_is_refused_and_not_quoted(error: Exception) -> None:
    refused = told(error, "there")
    assert isinstance(refused, EventRefused)
    assert "secret" not in refused.message


@pytest.mark.parametrize(
    ("kind", "says", "retryable"),
    [
        (asyncpg.DiskFullError, "room", True),
        (asyncpg.TooManyConnectionsError, "room", True),
        (asyncpg.AdminShutdownError, "stopping", True),
        (asyncpg.DeadlockDetectedError, "in each other's way", True),
        (asyncpg.InvalidPasswordError, "password", False),
        (asyncpg.InvalidCatalogNameError, "createdb", False),
        (asyncpg.InsufficientPrivilegeError, "right", False),
        (asyncpg.UndefinedColumnError, "refused", False),
        (asyncpg.ReadOnlySQLTransactionError, "no changes", True),
    ],
)
def test_postgres(kind: type[asyncpg.PostgresError], says: str, retryable: bool) -> None:
    error = told(kind("what it says"), "there")
    assert says in error.message
    assert error.retryable is retryable


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("no"), TimeoutError(), asyncpg.InterfaceError("was closed")]
)
def test_what_is_gone_may_come_back(error: Exception) -> None:
    with pytest.raises(StoreError) as raised, explained("there"):
        raise error
    assert raised.value.retryable
    assert raised.value.__cause__ is error


def test_what_is_no_databases_error_passes() -> None:
    for error in (KeyError("x"), asyncio.CancelledError()):
        with pytest.raises(type(error)), explained("there"):
            raise error
