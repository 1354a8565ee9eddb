"""The audio of one leg that may have to be heard again.

Pieces in memory up to a bound, the older ones in a file that has no name, up to another bound. The
file is written in a thread. Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from typing import IO


class Tape:
    """Audio by sample numbers, from ``first`` to ``end``.

    ``width`` is the bytes of a sample, ``rate`` samples a second; from ``memory`` seconds on the
    older half is written to the file, what is older than ``most`` seconds is lost. For one thread
    alone, the event loop's.
    """

    def __init__(self, rate: int, width: int, *, memory: float, most: float) -> None:
        self.first = 0
        self.end = 0
        self._width = width
        self._memory = int(memory * rate)
        self._most = int(most * rate)
        self._pieces: deque[tuple[int, bytes]] = deque()
        self._file: IO[bytes] | None = None
        self._stored: list[tuple[int, int, int]] = []
        """What is in the file: first sample, end, and where in the file."""
        self._writing = False

    def append(self, audio: bytes) -> None:
        """Keeps the next audio, a whole number of samples."""
        self._pieces.append((self.end, audio))
        self.end += len(audio) // self._width
        if self.end - self.first > self._most:
            self.forget(self.end - self._most)

    @property
    def is_heavy(self) -> bool:
        """Whether ``spill`` should be called."""
        return bool(self._pieces) and self.end - self._pieces[0][0] > self._memory

    async def spill(self) -> None:
        """Writes the older half of what is in memory to the file, in a thread."""
        until = self.end - self._memory // 2
        pieces = [piece for piece in self._pieces if piece[0] < until]
        if not (self.is_heavy and pieces):
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="callscribe-")  # noqa: SIM115 - kept open
        self._writing = True
        try:
            places = await asyncio.to_thread(_write, self._file, pieces)
        finally:
            self._writing = False
        for piece, place in zip(pieces, places, strict=True):
            if self._pieces[0] is piece:  # else it was let go meanwhile
                self._stored.append((piece[0], self._ends(piece), place))
                self._pieces.popleft()
        self.forget(self.first)

    def forget(self, until: int) -> None:
        """Lets go of what lies before ``until``; of a piece that reaches beyond it all stays."""
        while self._stored and self._stored[0][1] <= until:
            self._stored.pop(0)
        if not self._stored:
            pieces, width = self._pieces, self._width
            while pieces and pieces[0][0] + len(pieces[0][1]) // width <= until:
                pieces.popleft()
            if not self._writing:
                self._drop_file()
        self.first = max(self.first, min(until, self.end))

    def read(self, start: int, end: int) -> bytes:
        """The audio of these samples, as far as it is kept. What is in the file blocks shortly."""
        start, end = max(start, self.first), min(end, self.end)
        found: list[bytes] = []
        at = max(bisect_right(self._stored, (start, 1 << 62, 0)) - 1, 0)
        for first, last, place in self._stored[at:]:
            if first >= end:
                break
            if last > start:
                assert self._file is not None  # noqa: S101 - it holds what is listed
                # By its place: the file may be written to at the same time, in a thread.
                piece = os.pread(self._file.fileno(), (last - first) * self._width, place)
                found.append(self._cut(first, piece, start, end))
        for first, piece in self._pieces:
            if first >= end:
                break
            found.append(self._cut(first, piece, start, end))
        return b"".join(found)

    def close(self) -> None:
        """Lets go of everything. Idempotent."""
        self._pieces.clear()
        self._stored.clear()
        self._drop_file()

    def _drop_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _ends(self, piece: tuple[int, bytes]) -> int:
        return piece[0] + len(piece[1]) // self._width

    def _cut(self, first: int, piece: bytes, start: int, end: int) -> bytes:
        low = max(start - first, 0) * self._width
        high = (end - first) * self._width
        return piece[low:high] if high > low else b""


def _write(file: IO[bytes], pieces: Sequence[tuple[int, bytes]]) -> list[int]:
    """Writes pieces to the end of a file; where each of them is then."""
    place = file.seek(0, 2)
    places = []
    for _, audio in pieces:
        places.append(place)
        place += file.write(audio)
    file.flush()
    return places
