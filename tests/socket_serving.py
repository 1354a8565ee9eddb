"""An ASGI application on our sockets, in a thread, and a client that may say anything to it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from callscribe.frames import Frames
from callscribe.web.socket_protocol import SocketProtocol
from callscribe.web.sockets import DIRECT
from tests import serving  # its import makes uvicorn's server look more often whether it is to end

assert serving

PATIENCE = 10.0
"""Seconds that anything may take here before it counts as never."""
HEAD = (
    b"GET %b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

LOOPS = ["uvloop", "asyncio"]
OFFERED = [Subprotocol("other"), Subprotocol("token")]

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass
class Site:
    """A server that runs, and what it holds."""

    server: uvicorn.Server
    port: int
    thread: threading.Thread

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def held(self) -> tuple[int, int]:
        """How many connections and how many tasks it has."""
        state = self.server.server_state
        return len(state.connections), len(state.tasks)

    async def freed(self) -> bool:
        """Whether it holds nothing any more, before long."""
        return await before_long(lambda: self.held == (0, 0))

    def stop(self) -> None:
        self.server.should_exit = True


@contextmanager
def site(application: Application, loop: str = "uvloop", **config: Any) -> Iterator[Site]:
    """Serves an application until the block ends; nothing may be left then."""
    settings: dict[str, Any] = {"lifespan": "off", "log_config": None, "ws_ping_interval": None}
    settings.update(config, ws=SocketProtocol, loop=loop)
    server = uvicorn.Server(uvicorn.Config(application, **settings))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    running = Site(server, listener.getsockname()[1], thread)
    try:
        deadline = time.monotonic() + PATIENCE
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.002)
        assert server.started
        yield running
    finally:
        running.stop()
        thread.join(PATIENCE)
        ended = not thread.is_alive()
        server.force_exit = True
        thread.join(PATIENCE)
    assert ended, "the server did not end"
    assert running.held == (0, 0)


class Echo:
    """Sends back what comes, and remembers how its sockets ended."""

    def __init__(self, **accept: Any) -> None:
        self.accept = accept
        self.scopes: list[Message] = []
        self.ends: list[Message] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await opened(receive, send, **self.accept)
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        self.ends.append(message)

    async def end(self) -> tuple[int, str]:
        """The code and reason of the last end."""
        assert await before_long(lambda: bool(self.ends)), "the application was not told"
        return self.ends[-1]["code"], self.ends[-1].get("reason", "")


async def opened(receive: Receive, send: Send, **accept: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", **accept})


def direct(work: Callable[[Frames], Awaitable[None]]) -> Application:
    """An application that takes its frames as they come."""

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await opened(receive, send)
        await work(scope["extensions"][DIRECT])

    return application


async def before_long(is_so: Callable[[], bool]) -> bool:
    """Whether something comes true while somebody would wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not (so := is_so()) and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    return so


class Raw:
    """A client that sends the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, **rsv: bool) -> None:
        """Sends one frame, masked."""
        frame = Frame(Opcode(opcode), payload, fin, **rsv)
        self.writer.write(frame.serialize(mask=True))

    def together(self, *frames: tuple[int, bytes]) -> None:
        """Sends several frames at once, so that they are read at once."""
        parts = [Frame(Opcode(opcode), payload).serialize(mask=True) for opcode, payload in frames]
        self.writer.write(b"".join(parts))

    async def next(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload."""
        async with asyncio.timeout(PATIENCE):
            first, second = await self.reader.readexactly(2)
            assert first & 0x70 == 0
            assert second < 128, "a server masks nothing"
            size = second
            if size > 125:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def closed(self) -> tuple[int, str]:
        """Reads on to the close; its code and reason."""
        while (frame := await self.next())[0] != Opcode.CLOSE:
            pass
        return int.from_bytes(frame[1][:2], "big"), frame[1][2:].decode()

    async def rest(self) -> bytes:
        """Everything up to the connection's end."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""


@asynccontextmanager
async def dialled(port: int, *, small: bool = False) -> AsyncIterator[Raw]:
    """A bare connection; with small buffers where it shall be full soon."""
    dialling = socket.socket()
    if small:
        dialling.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        dialling.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    dialling.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=dialling, limit=4096 if small else 65536)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def upgraded(port: int, path: bytes = b"/", *, small: bool = False) -> AsyncIterator[Raw]:
    """A socket that is open."""
    async with dialled(port, small=small) as raw:
        raw.writer.write(HEAD % path)
        answer = await raw.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer, "the answer of RFC 6455, 1.3"
        yield raw
