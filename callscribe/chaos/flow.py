"""One direction of a connection: what is read on one side is written on the other, unless held up.

May import ``chaos.messages``.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from callscribe.chaos.messages import Cutter, Uncut

READ: Final = 1 << 16
DEPTH: Final = 1024
"""Pieces that wait, at most; then no more is read, and the sender's own buffers fill."""


class Lane:
    """Pieces on their way, in order: each goes at its time, and none while the lane is shut."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(DEPTH)
        self._open = asyncio.Event()
        self._open.set()
        self._shut = 0

    @property
    def is_shut(self) -> bool:
        """Whether nothing goes."""
        return self._shut > 0

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Lets nothing go while the block lasts."""
        self._shut += 1
        self._open.clear()
        try:
            yield
        finally:
            self._shut -= 1
            if not self._shut:
                self._open.set()

    async def put(self, due: float, data: bytes) -> None:
        """Adds a piece; no bytes end the lane."""
        await self._waiting.put((due, data))

    async def run(self) -> None:
        """Writes until the lane ends."""
        clock = asyncio.get_running_loop().time
        while True:
            due, data = await self._waiting.get()
            if (wait := due - clock()) > 0:
                await asyncio.sleep(wait)
            await self._open.wait()
            if not data:
                return
            if not self._writer.is_closing():
                self._writer.write(data)
                with contextlib.suppress(OSError):
                    await self._writer.drain()


class Flow:
    """One direction. Pings and their answers overtake messages that are held up."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.cutter: Cutter = Uncut()
        self.messages = Lane(writer)
        self.has_begun = False
        """Whether anything has come."""
        self.was_reset = False
        """Whether the side that is read from broke off."""
        self._controls = Lane(writer)
        self._reader = reader
        self._slower: list[Callable[[], float]] = []

    @contextlib.contextmanager
    def slowed(self, seconds: Callable[[], float]) -> Iterator[None]:
        """Has everything take longer while the block lasts."""
        self._slower.append(seconds)
        try:
            yield
        finally:
            self._slower.remove(seconds)

    async def run(self, *, patient: bool) -> None:
        """Until the reading side has ended and what it said is through.

        Without patience what is held up at the end is given up.
        """
        async with asyncio.TaskGroup() as tasks:
            lanes = [tasks.create_task(lane.run()) for lane in (self._controls, self.messages)]
            async for data in self._read():
                for piece in self.cutter.feed(data):
                    lane = self._controls if piece.control else self.messages
                    await lane.put(self._due(), piece.data)
            if self.messages.is_shut and not patient:
                for task in lanes:
                    task.cancel()
                return
            for lane in (self._controls, self.messages):
                await lane.put(self._due(), b"")

    async def _read(self) -> AsyncIterator[bytes]:
        try:
            while data := await self._reader.read(READ):
                self.has_begun = True
                yield data
        except OSError:
            self.was_reset = True

    def _due(self) -> float:
        """When what was read now may go: the latest moment so far, at least."""
        return asyncio.get_running_loop().time() + sum(seconds() for seconds in self._slower)
