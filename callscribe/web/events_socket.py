"""``/ws/sessions/{id}/events``: everything that happens in a session, past events first.

May import ``calls``, ``service``, ``events`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from callscribe.bus.base import Subscription
from callscribe.errors import ProtocolError
from callscribe.web.context import get_context
from callscribe.web.sockets import accept, close, telling_errors

router = APIRouter()


@router.websocket("/ws/sessions/{session_id}/events")
async def events(socket: WebSocket, session_id: str) -> None:
    """Sends a session's events from ``since`` on, until the session has ended.

    A call that is over is told from the store, with what agents found since.
    """
    await accept(socket)
    async with telling_errors(socket):
        context = get_context(socket)
        service, since = context.service, _since(socket)
        session = context.calls.live(session_id)
        if session is None or session.ended.is_set():
            for event in await context.calls.events(session_id, since):
                await socket.send_text(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
            await close(socket, 1000)
            return
        subscription = service.subscribe(session_id, since)
        try:
            await _forward(socket, subscription)
        finally:
            subscription.close()
        await close(socket, 1012 if service.closing else 1000)


async def _forward(socket: WebSocket, subscription: Subscription) -> None:
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_watch(socket))
        async for event in subscription:
            await socket.send_text(event.to_json())
        watching.cancel()


async def _watch(socket: WebSocket) -> None:
    """Notices that the viewer is gone; what it sends means nothing here."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))


def _since(socket: WebSocket) -> int:
    text = socket.query_params.get("since", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ProtocolError('"since" must be the number of an event, 0 for all of them')
    return int(text)
