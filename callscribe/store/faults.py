"""What the databases' errors mean to a person. May import ``errors``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import SQLAlchemyError

from callscribe.errors import StoreError

DRIVER_ERRORS: Final = (
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,  # TimeoutError is one of them
    OverflowError,  # SQLite's driver, for a number that is too large
)

_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: ("is locked by another program; end that, or wait for it", True),
    sqlite3.SQLITE_LOCKED: ("is locked by another program; end that, or wait for it", True),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full; make room on it", True),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk fails or is full", True),
    sqlite3.SQLITE_READONLY: ("cannot be written: make file and folder writable", True),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened: make its folder, and make it writable", True),
    sqlite3.SQLITE_PERM: ("cannot be opened: make it writable", True),
    sqlite3.SQLITE_NOTADB: ("is no SQLite database; name another file", False),
    sqlite3.SQLITE_CORRUPT: ("is damaged; put back a copy of it", False),
}

_POSTGRES: Final = {
    "08": ("does not answer; start it, or mend the way to it", True),
    "25": ("takes no changes: it is a copy of another server, or set to be read only", True),
    "28": ("refuses the user or the password; put them right in the address", False),
    "3D": ("has no such database; make it with createdb", False),
    "40": ("had two changes that were in each other's way", True),
    "42501": ("does not let this user do that; give it the right to make tables", False),
    "53": ("has no room left: disk, memory or connections", True),
    "55": ("is locked by another program; end that, or wait for it", True),
    "57": ("is stopping, starting, or ended what it was asked", True),
    "58": ("has trouble with its disk", True),
}
"""By the whole SQLSTATE or its class."""


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Makes a ``StoreError`` of what a driver raises; ``name`` says which database it is."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise told(error, name) from error


def told(error: BaseException, name: str) -> StoreError:
    """The error of a driver as a sentence that says what to do.

    It can be tried again unless the database refused the very thing that it was asked.
    """
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or ""
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        said = _SQLITE.get(code & 0xFF)
    elif state:
        said = _POSTGRES.get(state) or _POSTGRES.get(state[:2])
    elif isinstance(cause, TimeoutError):
        said = ("takes too long to answer", True)
    elif isinstance(cause, OSError) or _gone(error):
        said = _POSTGRES["08"]
    else:
        said = None
    sentence, retryable = said or ("refused what it was asked: a fault of Callscribe", False)
    detail = str(cause).strip().partition("\n")[0] or type(cause).__name__
    return StoreError(f"The store {name} {sentence} ({detail}).", retryable=retryable)


def _gone(error: BaseException) -> bool:
    """Whether the connection broke; then drivers raise various things without a state."""
    return bool(getattr(error, "connection_invalidated", False)) or "closed" in str(error)
