"""Many rows by one statement, for SQLite.

Its driver lets go of the interpreter for each row of an ``executemany``, and to get it back beside
an event loop that computes takes up to a millisecond. One statement lets go of it once. Such
statements go to the driver as they are: between other work SQLAlchemy's way there takes as long as
the disk. Imports nothing of ours.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Column, Connection, Insert, select
from sqlalchemy.dialects import sqlite

MOST: Final = 32
"""Rows in one statement."""
STATEMENTS: Final = 256
"""Statements that the driver remembers: of four kinds, each number of rows is its own."""

_DIALECT: Final = sqlite.dialect(paramstyle="qmark")
_VALUES: Final = re.compile(r"(?s)(.* VALUES )(\([?, ]*\))(.*)")


class Together:
    """An INSERT into these columns of its table; what it does on a conflict it does row by row."""

    def __init__(self, insert: Insert, columns: Sequence[str]) -> None:
        compiled = insert.compile(dialect=_DIALECT, column_keys=columns)
        parts = _VALUES.fullmatch(str(compiled))
        assert parts is not None and compiled.positiontup is not None  # noqa: S101, PT018 - qmark
        self._before, self._row, self._behind = parts.groups()
        self._text: Callable[[int], str] = cache(self._make_text)
        types = {c.name: c.type.dialect_impl(_DIALECT) for c in insert.table.c}
        self._columns = [
            (name, types[name].bind_processor(_DIALECT)) for name in compiled.positiontup
        ]

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Inserts all rows, in order."""
        driver = driver_of(connection)
        for begin in range(0, len(rows), MOST):
            some = rows[begin : begin + MOST]
            values = [
                process(row[name]) if process is not None else row[name]
                for row in some
                for name, process in self._columns
            ]
            driver.execute(self._text(len(some)), values)

    def _make_text(self, rows: int) -> str:
        return self._before + ", ".join([self._row] * rows) + self._behind


class Among:
    """These columns of the rows whose ``key`` is one of many."""

    def __init__(self, key: Column[str], columns: Sequence[Column[Any]]) -> None:
        chosen = str(select(*columns).compile(dialect=_DIALECT))
        self._before = f"{chosen} WHERE {key.compile(dialect=_DIALECT)} IN ("
        self._bind = key.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        types = [c.type.dialect_impl(_DIALECT) for c in columns]
        self._results = [one.result_processor(_DIALECT, None) for one in types]
        self._text: Callable[[int], str] = cache(self._make_text)

    def execute(self, connection: Connection, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The rows, in any order."""
        driver = driver_of(connection)
        for begin in range(0, len(keys), MOST):
            some = keys[begin : begin + MOST]
            if self._bind is not None:
                some = [self._bind(key) for key in some]
            for row in driver.execute(self._text(len(some)), some).fetchall():
                yield tuple(
                    [
                        process(value) if process is not None else value
                        for process, value in zip(self._results, row, strict=True)
                    ]
                )

    def _make_text(self, keys: int) -> str:
        return self._before + ", ".join("?" * keys) + ")"


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)
