"""A program that speaks with a Callscribe server: plays legs, follows a session's events.

May import ``errors``, ``wire.browser``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from callscribe.errors import CallscribeError, EngineError, ProtocolError
from callscribe.media import Int16Array
from callscribe.wire.browser import Ended, Failure, Ready, Start, Stop, encode, parse_server

FRAME = 0.02
"""Seconds of audio in a frame, as telephones send it."""

PATIENCE = 60.0
"""Seconds that the server may take for a request or for a leg's last words."""


class Client:
    """The way to one server. ``key`` is one of its keys, where it wants one.

    ``base`` is the server's whole address (``https://calls.example.com``) where it is not on a port
    of a host.
    """

    def __init__(self, host: str, port: int, key: str | None = None, *, base: str = "") -> None:
        self.http = base.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.ws = f"ws{self.http.removeprefix('http')}"
        self._key = key

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> dict[str, Any]:
        """A request to the HTTP API, answered within ``patience`` seconds.

        ``OSError`` without a server, ``CallscribeError`` for a no.
        """
        return await asyncio.to_thread(self._call, method, path, body, patience)

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None, patience: float
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.http}{path}", data, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise refusal(error) from error
        return found if isinstance(found, dict) else {}

    async def events(self, session_id: str) -> AsyncIterator[dict[str, Any]]:
        """All events of a session to its end, in their JSON form.

        ``EngineError`` where the server goes away before that.
        """
        try:
            async with self._connect(f"/ws/sessions/{session_id}/events?since=0") as socket:
                async for text in socket:
                    event = json.loads(text)
                    if event["type"] == Failure.type:
                        raise CallscribeError(event["message"], code=event["code"])
                    yield event
                    if event["type"] == "session_ended":
                        return  # its agents may go on for minutes
        except (ConnectionClosed, OSError, InvalidHandshake) as error:
            raise EngineError(
                f"the server went away ({error}); what it had told by then is kept, and can be "
                f"read at /calls/{session_id} when it is back"
            ) from error

    async def play(
        self,
        start: Start,
        samples: Int16Array,
        ready: Callable[[], Awaitable[float]],
        *,
        speed: float = 1.0,
    ) -> Ended:
        """Plays a leg: ``samples`` in frames of 20 ms, ``speed`` times as fast as spoken.

        ``ready`` is awaited when the server is and gives the moment on the loop's clock at which
        the first sample is spoken. Returns when the last words are out; ``CallscribeError`` if the
        server gives up before that.
        """
        try:
            async with self._connect("/ws/audio") as socket:
                with contextlib.suppress(ConnectionClosed):  # why it was closed can be read
                    await socket.send(encode(start))
                await _wait_for(socket, Ready)
                begin = await ready()
                async with asyncio.TaskGroup() as tasks:
                    ending = tasks.create_task(_wait_for(socket, Ended))
                    with contextlib.suppress(ConnectionClosed):
                        await _send(socket, samples, start.sample_rate, begin, speed)
                        await socket.send(encode(Stop()))
                    async with asyncio.timeout(PATIENCE):
                        ended = await ending
        except* CallscribeError as group:
            raise first_of(group) from group
        except* (ConnectionClosed, TimeoutError, OSError, InvalidHandshake) as group:
            raise EngineError(
                f"the server broke off the leg of {start.speaker}: {group.exceptions[0]}"
            ) from group
        if not isinstance(ended, Ended):
            raise ProtocolError("the server did not say that the leg has ended")
        return ended

    def _connect(self, path: str) -> connect:
        protocols = None
        if self._key is not None:
            protocols = [Subprotocol("token"), Subprotocol(self._key)]
        return connect(
            f"{self.ws}{path}",
            subprotocols=protocols,
            compression=None,
            proxy=None,
        )


def first_of(group: BaseExceptionGroup[CallscribeError]) -> CallscribeError:
    """The error to tell of, where several tasks failed at once."""
    error = group.exceptions[0]
    return first_of(error) if isinstance(error, BaseExceptionGroup) else error


async def _send(
    socket: ClientConnection, samples: Int16Array, rate: int, begin: float, speed: float
) -> None:
    """Every frame goes out when its last sample has been spoken; delays do not add up."""
    loop = asyncio.get_running_loop()
    pcm = samples.astype("<i2").tobytes()
    size = round(rate * FRAME) * 2
    for index in range(0, len(pcm), size):
        frame = pcm[index : index + size]
        spoken = begin + (index + len(frame)) / 2 / rate / speed
        await asyncio.sleep(spoken - loop.time())
        await socket.send(frame)


async def _wait_for(socket: ClientConnection, kind: type[Ready | Ended]) -> Ready | Ended:
    """Reads until a message of this kind comes; a fatal failure is raised."""
    async for text in socket:
        message = parse_server(text if isinstance(text, str) else text.decode())
        if isinstance(message, kind):
            return message
        if isinstance(message, Failure) and message.fatal:
            raise CallscribeError(message.message, code=message.code)
    raise EngineError(f"the server closed the socket ({socket.close_code} {socket.close_reason})")


def refusal(error: urllib.error.HTTPError) -> CallscribeError:
    """What the server says no with, in its own words."""
    try:
        problem = json.load(error)
        return CallscribeError(str(problem["message"]), code=str(problem["code"]))
    except (ValueError, KeyError, TypeError):
        return CallscribeError(f"the server answered {error.code} {error.reason}")
