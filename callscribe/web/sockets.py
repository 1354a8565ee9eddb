"""What both kinds of socket do alike: accept, refuse with a reason, close.

May import ``errors``, ``frames``, ``wire.browser`` and ``web.errors``.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from callscribe.errors import CallscribeError
from callscribe.frames import Frames
from callscribe.web.errors import INTERNAL, close_code
from callscribe.wire.browser import Failure, encode

SHUTTING_DOWN: Final = "the server is shutting down; connect again in a moment"
"""Why a socket is closed with 1012."""

DIRECT: Final = "callscribe.frames"
"""The ASGI extension under which our server puts the ``Frames`` of a socket it has accepted."""

_log = structlog.get_logger(__name__)


async def accept(socket: WebSocket) -> None:
    """Accepts; where the client offers its key as a subprotocol, ``token`` is the one chosen."""
    offered = socket.scope.get("subprotocols") or []
    await socket.accept(subprotocol="token" if "token" in offered else None)


def frames_of(socket: WebSocket) -> Frames | None:
    """The frames under an accepted socket; None under another server than ours."""
    found = (socket.scope.get("extensions") or {}).get(DIRECT)
    return found if isinstance(found, Frames) else None


async def send_text(socket: WebSocket, text: str) -> None:
    """Sends a text; waits while the client reads slowly, ``WebSocketDisconnect`` if it is gone."""
    waits = text_sender(socket)(text)
    if waits is not None:
        await waits


def text_sender(socket: WebSocket) -> Callable[[str], Awaitable[None] | None]:
    """What sends a text as ``send_text`` does: at once, unless it gives back what to wait for."""
    frames = frames_of(socket)
    if frames is None:
        return socket.send_text

    def send(text: str) -> Awaitable[None] | None:
        if frames.is_congested:
            return _send_later(frames, text)
        _send(frames, text)
        return None

    return send


async def _send_later(frames: Frames, text: str) -> None:
    while frames.is_congested:
        await frames.drained()
    _send(frames, text)


def _send(frames: Frames, text: str) -> None:
    if frames.closed is not None:
        raise WebSocketDisconnect(frames.closed.code, frames.closed.reason)
    frames.send(text)


def failure(error: CallscribeError, *, fatal: bool) -> str:
    """The text frame that tells a client of an error."""
    return encode(Failure(error.code, error.message, fatal, error.retryable))


async def refuse(socket: WebSocket, error: CallscribeError) -> None:
    """Says what is wrong and closes with the code that belongs to it."""
    with contextlib.suppress(WebSocketDisconnect):
        if socket.client_state is WebSocketState.CONNECTED:
            await send_text(socket, failure(error, fatal=True))
    await close(socket, close_code(error), error.code)


async def close(socket: WebSocket, code: int, reason: str = "") -> None:
    """Closes, whether or not the client is still there."""
    if socket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.close(code, reason)


async def close_over(socket: WebSocket, *, restarting: bool) -> None:
    """Closes when all is said: for good, or because the server ends and another may be there."""
    if restarting:
        await close(socket, 1012, SHUTTING_DOWN)
    else:
        await close(socket, 1000)


@asynccontextmanager
async def telling_errors(socket: WebSocket) -> AsyncIterator[None]:
    """Around all that a socket does: what it raises, alone or in groups, is told to the client.

    A client who is gone is no error; a bug is logged, and the client learns only that there is one.
    """
    try:
        yield
    except* WebSocketDisconnect:
        pass
    except* CallscribeError as group:
        await refuse(socket, _first(group))
    except* Exception as group:  # noqa: BLE001 - the last stop; it must not take the server down
        _log.error("socket_failed", path=socket.url.path, exc_info=group)
        await refuse(socket, INTERNAL)


def _first(group: BaseExceptionGroup[CallscribeError]) -> CallscribeError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
