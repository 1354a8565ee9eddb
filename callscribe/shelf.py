"""Old pages of long calls: a little of it in memory, the rest in a file that has no name.

Hardly anybody looks at what was said a while ago, but whoever does wants all of it. So memory does
not grow with a call. The file is written in a thread; it is gone when the process is. Core; imports
nothing of ours.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import tempfile
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from weakref import finalize

import structlog

MEMORY: Final = 256 * 1024
"""Bytes of pages that stay in memory, of all calls together."""
BLOCK: Final = 512
"""Bytes of the smallest place in the file; places are that, or twice as much, or four times ..."""
RETRY: Final = 60.0
"""Seconds after which a file that could not be written is tried again."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Sheet:
    """What a page has written on it: in memory, or in the file; for the loop's thread to change."""

    data: bytes | None
    size: int
    place: int = -1


class Page:
    """Things on a shelf, packed. Their room is free when nobody has the page any more."""

    __slots__ = ("_sheet", "_shelf")

    def __init__(self, shelf: Shelf, sheet: _Sheet) -> None:
        self._shelf = shelf
        self._sheet = sheet

    def read(self) -> list[Any]:
        """The things again; where they are in the file that blocks shortly. From any thread.

        ``OSError`` where the file cannot be read.
        """
        sheet = self._sheet
        data = sheet.data
        if data is None:
            data = self._shelf._read(sheet)  # noqa: SLF001 - one of its pages
        found: list[Any] = pickle.loads(zlib.decompress(data))  # noqa: S301 - of our own making
        return found

    @property
    def is_in_memory(self) -> bool:
        """Whether it is not, or not yet, in the file."""
        return self._sheet.data is not None

    def __del__(self) -> None:
        # In whatever thread it happens: the loop's sees to it with the next page.
        self._shelf._gone.append(self._sheet)  # noqa: SLF001 - one of its pages


class Shelf:
    """Keeps pages. Without a ``folder`` for the file all of them stay in memory.

    ``put`` is for the event loop's thread alone, where there is a folder. ``monotonic`` is in
    seconds.
    """

    def __init__(
        self,
        folder: Path | None = None,
        memory: int = MEMORY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.weight = 0
        """Bytes of pages in memory that are to go to the file."""
        self._folder = folder
        self._memory = memory
        self._monotonic = monotonic
        self._fresh: dict[_Sheet, None] = {}
        """Those pages, the oldest first."""
        self._gone: deque[_Sheet] = deque(maxlen=None if folder else 0)
        """Pages that nobody has any more."""
        self._file: IO[bytes] | None = None
        self._living = 0
        """Pages in the file."""
        self._end = 0
        self._room: defaultdict[int, list[int]] = defaultdict(list)
        """Free places in the file, by their size."""
        self._writing: asyncio.Task[None] | None = None
        self._retry_at: float | None = None
        """When the file is tried again, after it could not be written."""

    def put(self, things: Sequence[Any]) -> Page:
        """Takes a page in."""
        # Pickle, since it gives back whatever an engine or an agent has said, and writes a word
        # down once that three finals share. It never leaves this process.
        data = zlib.compress(pickle.dumps(things, pickle.HIGHEST_PROTOCOL), 1)
        sheet = _Sheet(data, len(data))
        if self._folder is not None:
            self._fresh[sheet] = None
            self.weight += sheet.size
            if self._writing is None:  # else what is gone may be among what is being written
                self._tidy()
                self._write_soon(self._folder)
        return Page(self, sheet)

    async def close(self) -> None:
        """Waits until nothing is being written; what comes then stays in memory. Idempotent.

        Pages can still be read.
        """
        self._folder = None
        if self._writing is not None:
            await asyncio.wait([self._writing])

    def _write_soon(self, folder: Path) -> None:
        waits = self._retry_at is not None and self._monotonic() < self._retry_at
        is_empty = self._end > 0 and not self._living
        if not waits and (self.weight > self._memory or is_empty):
            self._writing = asyncio.create_task(self._write(folder), name="shelf")

    async def _write(self, folder: Path) -> None:
        """Moves what is in memory to the file, where that has become too much."""
        sheets = list(self._fresh) if self.weight > self._memory else []
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(_open, folder)
                finalize(self, self._file.close)
            if not self._living:
                # Whatever was deleted is not to lie there for longer than it must.
                await asyncio.to_thread(os.ftruncate, self._file.fileno(), 0)
                self._room.clear()
                self._end = 0
            await self._move(self._file, sheets)
        except Exception as error:  # noqa: BLE001 - a full disk, no thread: memory it is, meanwhile
            if self._retry_at is None:
                _log.error("shelf_not_written", problem=f"{type(error).__name__}: {error}")
            self._retry_at = self._monotonic() + RETRY
        else:
            if self._retry_at is not None:
                _log.info("shelf_written_again")
            self._retry_at = None
        finally:
            self._writing = None

    async def _move(self, file: IO[bytes], sheets: Sequence[_Sheet]) -> None:
        placed = [(self._find_room(sheet.size), sheet.data or b"") for sheet in sheets]
        try:
            await asyncio.to_thread(_write, file, placed)
        except Exception:
            for place, data in placed:
                self._room[_taken(len(data))].append(place)
            raise
        for sheet, (place, _) in zip(sheets, placed, strict=True):
            del self._fresh[sheet]
            self.weight -= sheet.size
            self._living += 1
            sheet.place = place  # first: somebody may be reading in another thread
            sheet.data = None

    def _tidy(self) -> None:
        """Makes room of what nobody has any more."""
        gone = self._gone
        while gone:
            sheet = gone.popleft()
            if sheet in self._fresh:
                del self._fresh[sheet]
                self.weight -= sheet.size
            elif sheet.place >= 0:
                self._room[_taken(sheet.size)].append(sheet.place)
                self._living -= 1

    def _find_room(self, size: int) -> int:
        taken = _taken(size)
        free = self._room[taken]
        if free:
            return free.pop()
        self._end += taken
        return self._end - taken

    def _read(self, sheet: _Sheet) -> bytes:
        assert self._file is not None  # noqa: S101 - the page is in it
        return os.pread(self._file.fileno(), sheet.size, sheet.place)


def _taken(size: int) -> int:
    """The bytes that a page of this size takes in the file."""
    return BLOCK << (max(size - 1, 0) // BLOCK).bit_length()


def _open(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder, prefix="shelf-")


def _write(file: IO[bytes], placed: Sequence[tuple[int, bytes]]) -> None:
    for place, data in placed:
        if os.pwrite(file.fileno(), data, place) < len(data):
            raise OSError(f"not all of {len(data)} bytes could be written")
