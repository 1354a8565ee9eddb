"""One speaker's audio played into ``/ws/audio``, over as many connections as it takes.

May import ``errors``, ``former``, ``absence``, ``media``, ``wire.browser``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from callscribe.demo.absence import Absence, Tries
from callscribe.errors import CallscribeError, EngineError
from callscribe.former import Recording
from callscribe.media import Int16Array
from callscribe.wire.browser import Ack, Ended, Failure, Ready, Start, Stop, encode, parse_server

FRAME: Final = 0.02
"""Seconds of audio in a frame, as telephones send it."""

PATIENCE: Final = 60.0
"""Seconds that the server may take for a request or for a leg's last words."""

FORGOTTEN: Final = frozenset({"no_such_leg", "session_closed", "bad_resume"})
"""What a server says that has died meanwhile, or waited too long: the leg begins anew."""

PASSING: Final = frozenset({"shutting_down", "speaker_taken", "at_capacity", "model_loading"})
"""What is over when it is tried again, for a leg that was there already."""


class Server(Protocol):
    """The way to a server."""

    def connect(self, path: str) -> connect:
        """Opens a socket."""
        ...


class PlayedLeg:
    """A leg, what of it the server has, and the token with which it is taken up again."""

    def __init__(self, server: Server, start: Start, samples: Int16Array, speed: float) -> None:
        self._server, self._start, self._speed = server, start, speed
        self._pcm = samples.astype("<i2").tobytes()
        self._size = round(start.sample_rate * FRAME) * 2
        self._base = self._known = self._settled = 0
        """The sample with which the leg began at the server; the first that it may not have; the
        first that it may not have written down."""
        self._recording = secrets.token_hex(8)
        """Its name, for servers that have died meanwhile."""
        self._resume = ""
        self._begin: float | None = None

    async def play(self, ready: Callable[[], Awaitable[float]], absence: Absence | None) -> Ended:
        """Plays to the end; see ``Client.play``."""
        tries = Tries(absence)
        while True:
            try:
                return await self._connection(ready, tries)
            except* CallscribeError as group:
                error: Exception = first_of(group)
            except* (ConnectionClosed, TimeoutError, OSError, InvalidHandshake) as group:
                error = EngineError(
                    f"the server broke off the leg of {self._start.speaker}: {group.exceptions[0]}"
                )
            if not self._may_go_on(error):
                raise error
            await tries.again(error)

    def _may_go_on(self, error: Exception) -> bool:
        """Whether a leg that has begun can be taken up again; without its token where it must."""
        code = getattr(error, "code", "")
        if self._begin is None:
            return False
        if self._resume and code in FORGOTTEN:
            self._resume = ""
            return True
        return code in PASSING or isinstance(error, EngineError)

    async def _connection(self, ready: Callable[[], Awaitable[float]], tries: Tries) -> Ended:
        async with self._server.connect("/ws/audio") as socket:
            with contextlib.suppress(ConnectionClosed):  # why it was closed can be read
                await socket.send(encode(self._introduction()))
            await self._until_ready(socket)
            if self._begin is None:
                self._begin = await ready()
            tries.reached()
            stopped = False
            async with asyncio.TaskGroup() as tasks:
                ending = tasks.create_task(self._until_ended(socket))
                with contextlib.suppress(ConnectionClosed):
                    await self._send(socket, self._begin)
                    await socket.send(encode(Stop()))
                    stopped = True
                async with asyncio.timeout(PATIENCE):
                    ended = await ending
                    await socket.wait_closed()
        if socket.close_code == 1012 and not stopped:
            raise CallscribeError(
                "the server was shut down and has ended the call", code="call_ended"
            )
        return ended

    def _introduction(self) -> Start:
        if self._resume:
            return replace(self._start, resume=self._resume)
        # All that is not settled is kept.
        recording = Recording(self._recording, self._settled, self._settled)
        start = replace(self._start, recording=recording)
        if self._begin is None:
            return start
        spoken = self._begin + self._settled / start.sample_rate / self._speed
        age = asyncio.get_running_loop().time() - spoken
        return replace(start, waiting_ms=max(1.0, age * 1000))

    async def _send(self, socket: ClientConnection, begin: float) -> None:
        """Every frame goes out when its last sample has been spoken; delays do not add up.

        What was spoken while the server was away goes out at once.
        """
        loop, rate = asyncio.get_running_loop(), self._start.sample_rate
        for index in range(self._known * 2, len(self._pcm), self._size):
            frame = self._pcm[index : index + self._size]
            spoken = begin + (index + len(frame)) / 2 / rate / self._speed
            await asyncio.sleep(spoken - loop.time())
            await socket.send(frame)

    async def _until_ready(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = _parse(text)
            if isinstance(message, Ready):
                if not self._resume:
                    self._base = self._settled = self._settled + message.skip
                self._resume = message.resume
                self._known = self._base + message.received
                return
        raise _closed(socket)

    async def _until_ended(self, socket: ClientConnection) -> Ended:
        async for text in socket:
            message = _parse(text)
            if isinstance(message, Ack):
                self._known = self._base + message.received
                settled = message.received if message.settled is None else message.settled
                self._settled = max(self._settled, self._base + settled)
            elif isinstance(message, Ended):
                return message
        raise _closed(socket)


def first_of(group: BaseExceptionGroup[CallscribeError]) -> CallscribeError:
    """The error to tell of, where several tasks failed at once."""
    error = group.exceptions[0]
    return first_of(error) if isinstance(error, BaseExceptionGroup) else error


def _parse(text: str | bytes) -> object:
    """A message of the server's; a fatal failure is raised."""
    message = parse_server(text if isinstance(text, str) else text.decode())
    if isinstance(message, Failure) and message.fatal:
        raise CallscribeError(message.message, code=message.code)
    return message


def _closed(socket: ClientConnection) -> EngineError:
    return EngineError(f"the server closed the socket ({socket.close_code} {socket.close_reason})")
