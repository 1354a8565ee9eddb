"""``/ws/sessions/{id}/events``: everything that happens in a session, past events first.

May import ``calls``, ``service``, ``events`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Final

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from callscribe.errors import ProtocolError, SessionNotFound
from callscribe.events import Event, SessionEnded
from callscribe.web.context import Context, get_context
from callscribe.web.sockets import accept, close_over, frames_of, telling_errors, text_sender

AFTERMATH: Final = 180.0
"""Seconds after the end of a call, or of what is told of one, in which agents are waited for."""

router = APIRouter()


@router.websocket("/ws/sessions/{session_id}/events")
async def events(socket: WebSocket, session_id: str) -> None:
    """Sends a session's events from ``since`` on, until it has ended and its agents have done.

    It is the same for who has seen the end and for who comes after it.
    """
    await accept(socket)
    async with telling_errors(socket):
        context = get_context(socket)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_watch(socket))
            await _tell(socket, context, session_id, _since(socket))
            watching.cancel()
        await close_over(socket, restarting=context.service.closing)


async def _tell(socket: WebSocket, context: Context, session_id: str, since: int) -> None:
    """The events as they happen to the end of the call, then what is stored behind them."""
    send, frames = text_sender(socket), frames_of(socket)
    last: Event | None = None

    def hear(event: Event) -> Awaitable[None] | None:
        nonlocal last
        last = event
        text = event.to_utf8()
        if frames is not None and frames.take_text(text):  # nearly always
            return None
        return send(text.decode())

    seen = False
    while True:
        if _runs(context, session_id):
            seen = True
            subscription = context.service.subscribe(session_id, since)
            try:
                await subscription.each(hear)
            finally:
                subscription.close()
            if not isinstance(last, SessionEnded):  # it was deleted, or the server ends
                return
            since = last.seq
        async with aclosing(_stored(context, session_id, since, known=seen)) as stored:
            async for since, text in stored:  # noqa: B007 - it is where the next turn begins
                waits = send(text)
                if waits is not None:
                    await waits
        if seen or not _runs(context, session_id):
            return  # else it began while the store was read


def _runs(context: Context, session_id: str) -> bool:
    session = context.calls.live(session_id)
    return session is not None and not session.ended.is_set()


async def _stored(
    context: Context, session_id: str, since: int, *, known: bool
) -> AsyncGenerator[tuple[int, str]]:
    """What is stored of a call, and what agents find until they have done with it; by numbers.

    ``SessionNotFound`` unless it is ``known``: then it has been deleted.
    """
    runner = context.desk.runner
    until = asyncio.get_running_loop().time() + AFTERMATH
    while True:
        await context.ledger.settled(session_id)  # agents know of the end when it has been told
        # Before the store is read: what they tell until they have done is in it then.
        turn, busy = runner.turn(session_id), runner.at_work(session_id)
        try:
            found = await context.calls.events(session_id, since)
        except SessionNotFound:
            if known:
                return
            raise
        known = True
        for event in found:
            since = event["seq"]
            yield since, json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        if not busy or context.service.closing:
            return
        try:
            async with asyncio.timeout_at(until):
                await turn.wait()
        except TimeoutError:
            return


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
