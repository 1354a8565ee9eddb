"""Real HTTP servers that agents talk to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h11

Answer = tuple[int, bytes]


@dataclass
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A server on a free port: keeps what it gets, and answers what ``answers`` says."""

    answers: Callable[[Request], Awaitable[Answer]]
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = h11.Connection(h11.SERVER)
        with suppress(ConnectionError, asyncio.CancelledError, h11.RemoteProtocolError):
            while await self._exchange(wire, reader, writer):
                wire.start_next_cycle()
        writer.close()

    async def _exchange(
        self, wire: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head, body = None, b""
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                wire.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return False
        assert head is not None
        names = {key.decode().lower(): value.decode() for key, value in head.headers}
        request = Request(head.target.decode(), names, body)
        self.requests.append(request)
        status, content = await self.answers(request)
        length = [("Content-Length", str(len(content)))]
        writer.write(wire.send(h11.Response(status_code=status, headers=length)) or b"")
        writer.write(wire.send(h11.Data(data=content)) or b"")
        writer.write(wire.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return wire.our_state is h11.DONE and wire.their_state is h11.DONE


@asynccontextmanager
async def receiving(
    answers: Callable[[Request], Awaitable[Answer]] | None = None,
) -> AsyncIterator[Receiver]:
    """A running receiver; without ``answers`` it takes everything."""

    async def take(_: Request) -> Answer:
        return 200, b"ok"

    receiver = Receiver(answers or take)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        server.close_clients() if hasattr(server, "close_clients") else None


def answering(*statuses: int) -> Callable[[Request], Awaitable[Answer]]:
    """Answers with these one after the other, the last one for ever."""
    left = list(statuses)

    async def answer(_: Request) -> Answer:
        return (left.pop(0) if len(left) > 1 else left[0]), b""

    return answer
