"""What the databases' errors mean to a person. May import ``errors``."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from callscribe.errors import EventRefused, StoreError

DRIVER_ERRORS: Final = (
    SQLAlchemyError,
    sqlite3.Error,
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
    sqlite3.SQLITE_INTERRUPT: ("was asked something that nobody waited for to the end", True),
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


_REFUSED_SQLITE: Final = {
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_RANGE,
}
_REFUSED_POSTGRES: Final = {"22", "23", "54"}
"""Data that a column does not hold, a rule that it breaks, a limit that it is above."""


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Makes a ``StoreError`` of what a driver raises; ``name`` says which database it is."""
    try:
        yield
    except _driver_errors() as error:
        raise told(error, name) from error


def _driver_errors() -> tuple[type[BaseException], ...]:
    """With those of PostgreSQL's driver where it is in use; it is large, so not for SQLite."""
    asyncpg = sys.modules.get("asyncpg")
    if asyncpg is None:
        return DRIVER_ERRORS
    return (*DRIVER_ERRORS, asyncpg.PostgresError, asyncpg.InterfaceError)


def told(error: BaseException, name: str) -> StoreError:
    """The error of a driver as a sentence that says what to do.

    It can be tried again unless the database refused the very thing that it was asked;
    ``EventRefused`` when that was for what it was given.
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
    detail = str(cause).strip().partition("\n")[0] or type(cause).__name__
    if said is None and _about_data(cause, code, state):
        return EventRefused(f"The store {name} refused what it was given: a fault of Callscribe.")
    sentence, retryable = said or ("refused what it was asked: a fault of Callscribe", False)
    return StoreError(f"The store {name} {sentence} ({detail}).", retryable=retryable)


def _gone(error: BaseException) -> bool:
    """Whether the connection broke; then drivers raise various things without a state."""
    return bool(getattr(error, "connection_invalidated", False)) or "closed" in str(error)


def _about_data(cause: BaseException, code: int | None, state: str) -> bool:
    """Whether another row would have been taken; such errors quote the row, so they do not say."""
    kinds = (
        OverflowError,
        ValueError,
        TypeError,
    )  # what drivers raise before they ask the database
    return (
        isinstance(cause, kinds)
        or isinstance(cause.__cause__, kinds)
        or (code is not None and code & 0xFF in _REFUSED_SQLITE)
        or state[:2] in _REFUSED_POSTGRES
    )
