"""What is said while the store is away: lines of JSON in a file, until the store takes them.

May import ``events``.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import structlog

from callscribe.events import Event, parse_event

_log = structlog.get_logger(__name__)


class FileJournal:
    """Events in the order in which they happened, in one file that is gone when it is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken = 0
        """Lines at the beginning that are in the store already."""

    async def append(self, events: Sequence[Event]) -> None:
        """Writes events; they are on disk when it returns. ``OSError`` when they cannot be."""
        await asyncio.to_thread(self._append, "".join(e.to_json() + "\n" for e in events))

    async def read(self, most: int) -> list[Event]:
        """The first events that wait; lines that a crash has cut off are passed over."""
        return await asyncio.to_thread(self._read, most)

    async def drop(self, count: int) -> None:
        """The first ``count`` events that ``read`` gave are not needed any more."""
        await asyncio.to_thread(self._drop, count)

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            if file.tell() and not self._ends_whole():
                file.write(b"\n")
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _read(self, most: int) -> list[Event]:
        found: list[Event] = []
        try:
            with self._path.open("rb") as file:
                for line in islice(file, self._taken, None):
                    if len(found) == most:
                        return found
                    event = _parsed(line)
                    if event is None:
                        self._taken += not found
                        if found:
                            return found  # the broken line is the first of the next time
                        continue
                    found.append(event)
        except FileNotFoundError:
            return []
        if not found:
            self._path.unlink(missing_ok=True)
            self._taken = 0
        return found

    def _drop(self, count: int) -> None:
        self._taken += count


def _parsed(line: bytes) -> Event | None:
    if not line.strip():
        return None
    try:
        return parse_event(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        _log.error("journal_line_unreadable", problem=type(error).__name__)
        return None
