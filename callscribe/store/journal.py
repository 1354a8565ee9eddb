"""What is said while the store is away: lines of JSON in a file, until the store takes them.

Only one of its methods may run at a time. May import ``events``.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from callscribe.events import Event, parse_event

_log = structlog.get_logger(__name__)


class FileJournal:
    """Events in the order in which they happened, in one file that is gone when it is empty.

    What the store refuses lies beside it, in ``<name>.refused``. Both can be read by the server's
    own user only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._refused = path.with_name(f"{path.name}.refused")
        self._taken = 0
        """Bytes at the beginning that are in the store already."""
        self._ends: list[int] = []
        """Where the events that ``read`` gave last end in the file."""

    async def append(self, events: Sequence[Event]) -> None:
        """Writes events; they are on disk when it returns. ``OSError`` when they cannot be."""
        await asyncio.to_thread(_append, self._path, _lines(events))

    async def read(self, most: int) -> list[Event]:
        """The first events that wait; lines that a crash has cut off are passed over."""
        return await asyncio.to_thread(self._read, most)

    async def drop(self, count: int) -> None:
        """The first ``count`` events that ``read`` gave are not needed any more."""
        if count:
            self._taken = self._ends[count - 1]

    async def set_aside(self, events: Sequence[Event]) -> None:
        """Keeps what the store refused, on disk when it returns; ``OSError`` when it cannot be."""
        await asyncio.to_thread(_append, self._refused, _lines(events))

    async def offer_again(self) -> None:
        """Puts what was set aside behind what waits: a later version may know what to do."""
        await asyncio.to_thread(self._offer_again)

    def _offer_again(self) -> None:
        try:
            lines = self._refused.read_bytes()
        except FileNotFoundError:
            return
        _append(self._path, lines)
        self._refused.unlink()

    def _read(self, most: int) -> list[Event]:
        found: list[Event] = []
        self._ends = []
        try:
            with self._path.open("rb") as file:
                end = file.seek(self._taken)
                while len(found) < most and (line := file.readline()):
                    end += len(line)
                    event = _parsed(line)
                    if event is not None:
                        found.append(event)
                        self._ends.append(end)
        except FileNotFoundError:
            return []
        if not found:
            self._path.unlink()
            self._taken = 0
        return found


def _lines(events: Sequence[Event]) -> bytes:
    # ASCII: what was said may hold what is no valid Unicode.
    return "".join(json.dumps(event.to_dict()) + "\n" for event in events).encode("ascii")


def _append(path: Path, lines: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a crash cut it off
                lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    if not there:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new file's name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(line: bytes) -> Event | None:
    if not line.strip():
        return None
    try:
        return parse_event(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        _log.error("journal_line_unreadable", problem=type(error).__name__)
        return None
