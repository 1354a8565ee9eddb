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
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final
from weakref import finalize, ref

import structlog

MEMORY: Final = 256 * 1024
"""Bytes of pages that stay in memory, of all calls together."""
BLOCK: Final = 512
"""Bytes of the smallest place in the file; places are that, or twice as much, or four times ..."""

_log = structlog.get_logger(__name__)


class Page:
    """Things on a shelf, packed. Its place is free when nobody has the page any more."""

    __slots__ = ("__weakref__", "_data", "_place", "_shelf", "_size")

    def __init__(self, shelf: Shelf, data: bytes) -> None:
        self._shelf = shelf
        self._data: bytes | None = data
        self._size = len(data)
        self._place = -1

    def read(self) -> list[Any]:
        """The things again; where they are in the file that blocks shortly. From any thread."""
        data = self._data
        if data is None:
            data = self._shelf._read(self._place, self._size)  # noqa: SLF001 - one of its pages
        found: list[Any] = pickle.loads(zlib.decompress(data))  # noqa: S301 - of our own making
        return found

    @property
    def is_in_memory(self) -> bool:
        """Whether it is not, or not yet, in the file."""
        return self._data is not None

    def __del__(self) -> None:
        self._shelf._let_go(self._place, self._size)  # noqa: SLF001 - one of its pages


class Shelf:
    """Keeps pages. Without a ``folder`` for the file all of them stay in memory.

    ``put`` is for the event loop's thread alone.
    """

    def __init__(self, folder: Path | None = None, memory: int = MEMORY) -> None:
        self.weight = 0
        """Bytes of pages in memory."""
        self._folder = folder
        self._memory = memory
        self._fresh: list[ref[Page]] = []
        """Those in memory, the oldest first; some may be nobody's by now."""
        self._file: IO[bytes] | None = None
        self._end = 0
        self._room: defaultdict[int, list[int]] = defaultdict(list)
        """Free places in the file, by their size."""
        self._writing: asyncio.Task[None] | None = None

    def put(self, things: Sequence[Any]) -> Page:
        """Takes a page in."""
        # Pickle, since it gives back whatever an engine or an agent has said, and writes a word
        # down once that three finals share. It never leaves this process.
        page = Page(self, zlib.compress(pickle.dumps(things, pickle.HIGHEST_PROTOCOL), 1))
        self.weight += page._size  # noqa: SLF001 - it is made here
        if self._folder is not None:
            self._fresh.append(ref(page))
            if self.weight > self._memory and self._writing is None:
                self._writing = asyncio.create_task(self._write(self._folder), name="shelf")
        return page

    async def close(self) -> None:
        """Waits until nothing is being written; what comes then stays in memory. Idempotent.

        Pages can still be read.
        """
        self._folder = None
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write(self, folder: Path) -> None:
        """Moves what is in memory to the file."""
        fresh, self._fresh = self._fresh, []
        pages = [page for known in fresh if (page := known()) is not None]
        try:
            if self._file is None:
                self._file = await asyncio.to_thread(_open, folder)
                finalize(self, self._file.close)
            placed = [(self._find_room(page._size), page._data or b"") for page in pages]  # noqa: SLF001
            await asyncio.to_thread(_write, self._file, placed)
        except OSError as error:  # a full disk, say: memory it is, then
            _log.error("shelf_not_written", problem=str(error))
            self._folder = None
        else:
            for page, (place, _) in zip(pages, placed, strict=True):
                page._place = place  # noqa: SLF001 - before: somebody may read in another thread
                page._data = None  # noqa: SLF001
                self.weight -= page._size  # noqa: SLF001
        finally:
            self._writing = None

    def _find_room(self, size: int) -> int:
        taken = _taken(size)
        free = self._room[taken]
        if free:
            return free.pop()
        self._end += taken
        return self._end - taken

    def _let_go(self, place: int, size: int) -> None:
        if place < 0:
            self.weight -= size
        else:
            self._room[_taken(size)].append(place)

    def _read(self, place: int, size: int) -> bytes:
        assert self._file is not None  # noqa: S101 - the page is in it
        return os.pread(self._file.fileno(), size, place)


def _taken(size: int) -> int:
    """The bytes that a page of this size takes in the file."""
    return BLOCK << (max(size - 1, 0) // BLOCK).bit_length()


def _open(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder, prefix="shelf-")


def _write(file: IO[bytes], placed: list[tuple[int, bytes]]) -> None:
    for place, data in placed:
        if os.pwrite(file.fileno(), data, place) < len(data):
            raise OSError(f"not all of {len(data)} bytes could be written")
