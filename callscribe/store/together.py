"""Many rows by one INSERT, for SQLite.

Its driver lets go of the interpreter for each row of an ``executemany``, and to get it back beside
an event loop that computes takes up to a millisecond. One statement lets go of it once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Insert
from sqlalchemy.dialects import sqlite

MOST: Final = 32
"""Rows in one statement: the driver remembers 128 of them, and each number of rows is its own."""

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
        types = {c.name: c.type for c in insert.table.c}
        self._columns = [
            (name, types[name].bind_processor(_DIALECT)) for name in compiled.positiontup
        ]

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Inserts all rows, in order."""
        for begin in range(0, len(rows), MOST):
            some = rows[begin : begin + MOST]
            values = [
                process(row[name]) if process is not None else row[name]
                for row in some
                for name, process in self._columns
            ]
            connection.exec_driver_sql(self._text(len(some)), tuple(values))

    def _make_text(self, rows: int) -> str:
        return self._before + ", ".join([self._row] * rows) + self._behind
