"""A TCP relay that counts bytes: what a client really sends, whatever library sends it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Self


class CountingRelay:
    """Stands before a server on this machine; ``sent`` are the bytes that went to it."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._relaying: set[asyncio.Task[None]] = set()
        self.port = 0
        self.sent = 0
        self.came = 0

    @staticmethod
    def free_port() -> int:
        """A port that nobody listens on now."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for task in self._relaying:
                task.cancel()
            await asyncio.gather(*self._relaying, return_exceptions=True)
            await self._server.wait_closed()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the server runs this as a task
        self._relaying.add(task)
        back, on = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled at the end
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._pass(reader, on, sent=True))
                    tasks.create_task(self._pass(back, writer, sent=False))
        finally:
            self._relaying.discard(task)
            for end in (on, writer):
                end.close()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, sent: bool
    ) -> None:
        while data := await source.read(65536):
            if sent:
                self.sent += len(data)
            else:
                self.came += len(data)
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
