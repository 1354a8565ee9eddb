"""``/ws/audio``: one speaker's audio comes in, what becomes of it goes out.

The protocol is ``wire/browser.py``; ``docs/reference/sockets.md`` tells it to people. May import
``service``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from callscribe.errors import CallscribeError, ProtocolError
from callscribe.session import Session
from callscribe.web.audio_conversation import HEARTBEAT, AudioConversation
from callscribe.web.context import Context, get_context
from callscribe.web.sockets import accept, close_over, failure, send_text, telling_errors
from callscribe.wire.browser import Start, parse_client

START_PATIENCE = 10.0
"""Seconds that a client may take for its ``start``."""

router = APIRouter()


@router.websocket("/ws/audio")
async def audio(socket: WebSocket) -> None:
    """Takes one leg's audio."""
    await accept(socket)
    async with telling_errors(socket):
        await _serve(socket, get_context(socket))


async def _serve(socket: WebSocket, context: Context) -> None:
    start = await _start(socket)
    service = context.service
    session_id = start.session_id or await service.initialize_session()
    session = context.calls.running(session_id)
    try:
        leg = await _open(socket, context, session, start)
    except BaseException:
        if not start.session_id:  # made for this leg alone, and nobody knows of it
            await service.delete_session(session_id)
        raise
    try:
        await leg.converse()
    finally:
        leg.release()
    await close_over(socket, restarting=service.closing and not leg.stopped)


async def _start(socket: WebSocket) -> Start:
    try:
        async with asyncio.timeout(START_PATIENCE):
            message = await socket.receive()
    except TimeoutError:
        raise ProtocolError(
            f'no "start" message came within {START_PATIENCE:g} s', code="start_timeout"
        ) from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    start = None if text is None else parse_client(text)
    if not isinstance(start, Start):
        raise ProtocolError(
            'the first message must be {"type": "start", …}; audio comes after "ready"',
            code="start_expected",
        )
    return start


async def _open(
    socket: WebSocket, context: Context, session: Session, start: Start
) -> AudioConversation:
    clock = asyncio.get_running_loop().time
    came = clock()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(_ask_for_patience(socket))
        await context.backends.ready(session.engine_name)
        asking.cancel()
    waiting = start.waiting_ms / 1000
    if waiting:
        waiting += clock() - came  # the client has gone on recording meanwhile
    attachment = await session.open_leg(
        start.speaker,
        sample_rate=start.sample_rate,
        encoding=start.encoding,
        language=start.language,
        resume=start.resume,
        waiting=waiting,
        recording=start.recording,
    )
    return AudioConversation(socket, context.service, session, attachment)


async def _ask_for_patience(socket: WebSocket) -> None:
    """Shows a client who waits for the model that the server is alive."""
    loading = CallscribeError(
        "the model is being loaded; go on speaking", code="model_loading", retryable=True
    )
    while True:
        await asyncio.sleep(HEARTBEAT)
        await send_text(socket, failure(loading, fatal=False))
