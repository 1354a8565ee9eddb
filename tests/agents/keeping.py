"""The real store, in SQLite, for tests that look into it, trouble it and let it die."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import fields
from pathlib import Path
from typing import Any

from callscribe.errors import StoreError
from callscribe.store import create_store
from callscribe.store.base import DeadLetter, Store
from callscribe.transcript import Transcript

_empty = b""
"""An empty database, made once: bringing one up to date takes a while."""


class Kept:
    """A store, all of it, with what a test wants to know and to do besides."""

    def __init__(self, store: Store, path: Path) -> None:
        self.inner = store
        self.trouble = 0
        """So many calls fail from now on, as if the disk were full."""
        self.read_only = False
        """Nothing can be written, as if somebody held a lock on the database."""
        self.rows = 0
        """How much has been read."""
        self.left: int | None = None
        """So many calls are made before the process dies; None: it lives."""
        self.calls_made: list[str] = []
        self._path = path

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)

        async def called(*arguments: Any, **options: Any) -> Any:
            self._look_out(name)
            found = await method(*arguments, **options)
            if isinstance(found, list):
                self.rows += len(found)
            elif isinstance(found, Transcript):
                self.rows += len(found.utterances)
            return found

        return called

    def _look_out(self, name: str) -> None:
        self.calls_made.append(name)
        if self.trouble:
            self.trouble -= 1
            raise StoreError("the disk is full: make room")
        if self.read_only and name in ("append", "advance_all", "bury"):
            raise StoreError("the database is locked")
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise asyncio.CancelledError

    @property
    def cursors(self) -> dict[tuple[str, str], int]:
        """Where each agent is, by its name and the session's."""
        rows = self._read("SELECT agent, session_id, seq FROM agent_cursors")
        return {(row["agent"], row["session_id"]): row["seq"] for row in rows}

    @property
    def buried(self) -> dict[str, DeadLetter]:
        """The dead letters by their ids."""
        names = [item.name for item in fields(DeadLetter)]
        rows = self._read(f"SELECT {', '.join(names)} FROM dead_letters ORDER BY at")  # noqa: S608
        return {row["letter_id"]: DeadLetter(**dict(row)) for row in rows}

    def last_seq(self, session_id: str) -> int:
        """The number of a session's latest event; 0 for none."""
        rows = self._read("SELECT last_seq FROM calls WHERE session_id = ?", session_id)
        return rows[0]["last_seq"] if rows else 0

    def forget_cursors(self) -> None:
        """As if a crash had come before any of them was written."""
        self._read("DELETE FROM agent_cursors")

    def forget_events(self) -> None:
        """As if a call were being deleted while somebody holds its letter in hand."""
        self._read("DELETE FROM events")

    def _read(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self._path, timeout=5)) as connection, connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(statement, values).fetchall()


@asynccontextmanager
async def keeping() -> AsyncIterator[Kept]:
    """An empty store in a folder of its own."""
    global _empty  # noqa: PLW0603 - a cache
    with tempfile.TemporaryDirectory(prefix="callscribe-") as folder:
        path = Path(folder) / "calls.db"
        if _empty:
            path.write_bytes(_empty)
        store = await create_store(str(path))
        if not _empty:
            await store.close()
            _empty = path.read_bytes()
            store = await create_store(str(path))
        try:
            yield Kept(store, path)
        finally:
            await store.close()
