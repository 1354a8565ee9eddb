"""The official client, pointed at a server of ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from deepgram import AsyncDeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment


@contextlib.asynccontextmanager
async def client(
    port: int, key: str | None = "any", **more: Any
) -> AsyncIterator[AsyncDeepgramClient]:
    """A client of the SDK; by itself it would leave its HTTP connections open."""
    address = f"127.0.0.1:{port}"
    environment = DeepgramClientEnvironment(
        base=f"http://{address}",
        production=f"ws://{address}",
        agent=f"ws://{address}",
        agent_rest=f"http://{address}",
    )
    async with httpx.AsyncClient(timeout=60) as http:
        yield AsyncDeepgramClient(api_key=key, environment=environment, httpx_client=http, **more)


class Conversation:
    """An open stream of the SDK and what came back on it."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.messages: list[Any] = []
        self.errors: list[Any] = []
        socket.on(EventType.MESSAGE, self.messages.append)
        socket.on(EventType.ERROR, self.errors.append)

    def of(self, kind: str) -> list[Any]:
        return [message for message in self.messages if message.type == kind]

    @property
    def finals(self) -> list[Any]:
        return [r for r in self.of("Results") if r.is_final]

    @property
    def text(self) -> str:
        said = (r.channel.alternatives[0].transcript for r in self.finals)
        return " ".join(filter(None, said))

    async def until(self, kind: str, count: int = 1) -> None:
        async with asyncio.timeout(10):
            while len(self.of(kind)) < count:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def streaming(port: int, key: str = "any", **options: Any) -> AsyncIterator[Conversation]:
    """A stream that is listened to; closed as the SDK's documentation says."""
    options = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000} | options
    async with client(port, key) as sdk, sdk.listen.v1.connect(**options) as socket:
        conversation = Conversation(socket)
        listening = asyncio.create_task(socket.start_listening())
        try:
            yield conversation
        finally:
            with contextlib.suppress(Exception):
                await socket.send_close_stream()
            await asyncio.wait_for(listening, 30)
