"""A real server on a free port, in a thread, for tests with real sockets."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvicorn.server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from callscribe.settings import Settings
from callscribe.web.app import EngineFactory
from callscribe.web.context import Context
from callscribe.web.server import Server, create_server
from tests import schemas
from tests.engines_for_tests import EnergyEngine, energy_factory


class _Brisk:
    """``asyncio`` as uvicorn's server has it here: it looks a hundred times a second, not ten.

    Whether it is to end, and whether its connections have. A thousand servers start and end here.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


uvicorn.server.asyncio = _Brisk()


@dataclass
class Served:
    """A running server, its address and its inside."""

    server: Server
    port: int
    context: Context
    thread: threading.Thread
    sent: Counter[str] = field(default_factory=Counter)
    """What it has sent at Deepgram's addresses, by type; each was checked against the schemas."""

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def engine(self) -> EnergyEngine:
        engine = self.context.backends.engines["whisper"]
        assert isinstance(engine, EnergyEngine)
        return engine

    def stop(self) -> None:
        """What Ctrl-C does: all calls end now."""
        self.server.handle_exit(signal.SIGINT, None)

    def terminate(self) -> None:
        """What SIGTERM does: calls may go on for a while."""
        self.server.handle_exit(signal.SIGTERM, None)

    def join(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive(), "the server did not end"


@contextmanager
def serving(settings: Settings, engine_factory: EngineFactory = energy_factory) -> Iterator[Served]:
    """Serves until the block ends; what it sends in Deepgram's protocol has to be valid."""
    server = create_server(settings, engine_factory=engine_factory)
    app = server.config.app
    sent: Counter[str] = Counter()
    unfit: list[str] = []
    app.add_middleware(schemas.Watch, seen=sent, unfit=unfit)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    served = Served(server, port, app.state.context, thread, sent)
    try:
        deadline = time.monotonic() + 20
        while not server.started and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started
        yield served
    finally:
        if not served.server.hurried:
            served.stop()
        served.join()
    if unfit:
        raise AssertionError("\n".join(unfit))


class AudioClient:
    """A client of ``/ws/audio`` that reads what comes when it is asked."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []

    @classmethod
    async def start(cls, served: Served, **start: Any) -> AudioClient:
        """Connects and starts a leg; ``messages[0]`` is then ``ready``, or the error."""
        client = cls(await connect(f"{served.ws}/ws/audio"))
        await client.send(**{"type": "start", **start})
        await client.next()
        return client

    @property
    def ready(self) -> dict[str, Any]:
        assert self.messages[0]["type"] == "ready", self.messages[0]
        return self.messages[0]

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            message = json.loads(await self.socket.recv())
        self.messages.append(message)
        return message

    async def until(self, kind: str) -> dict[str, Any]:
        """Reads on to the next message of a type."""
        while True:
            message = await self.next()
            if message["type"] == kind:
                return message

    async def audio(self, pcm: bytes, frame: int = 640) -> None:
        for at in range(0, len(pcm), frame):
            await self.socket.send(pcm[at : at + frame])

    async def stop(self) -> dict[str, Any]:
        await self.send(type="stop")
        return await self.until("ended")

    async def hang_up(self) -> None:
        """Stops, and closes the socket behind it."""
        await self.stop()
        await self.socket.close()

    async def closed(self) -> tuple[int, str]:
        """Reads to the end; the close code and reason."""
        with suppress(ConnectionClosedError):
            async for text in self.socket:
                self.messages.append(json.loads(text))
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    def finals(self) -> list[str]:
        return [m["text"] for m in self.messages if m["type"] == "final"]
