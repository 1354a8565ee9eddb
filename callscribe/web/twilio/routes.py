"""``/twilio``: an incoming call, its media stream, and what Twilio tells about both.

A signature or a one-time token stands for the key here; ``docs/how-to/twilio.md`` tells it to
people. May import ``service``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, Request, Response, WebSocket
from starlette.websockets import WebSocketDisconnect

from callscribe.errors import CallscribeError, ConfigurationError, ProtocolError
from callscribe.languages import LANGUAGES
from callscribe.web.context import Context, InContext, get_context
from callscribe.web.errors import INTERNAL, close_code
from callscribe.web.sockets import close
from callscribe.web.twilio.again import start_again
from callscribe.web.twilio.calls import CALL_SID, OVER
from callscribe.web.twilio.stream import Stream
from callscribe.web.twilio.twiml import answer
from callscribe.wire.twilio import Connected, Start, Unknown, parse

START_PATIENCE = 10.0
"""Seconds in which ``start`` has to come."""

REASON = 120
"""Bytes of a close's reason; the protocol has room for 123."""

BROKEN = frozenset({"stream-stopped", "stream-error"})

_log = structlog.get_logger(__name__)

router = APIRouter(prefix="/twilio", tags=["telephone"])


@router.post("/voice", response_class=Response)
async def voice(context: InContext, request: Request) -> Response:
    """Answers an incoming call: its stream comes here, and it is put through.

    The call goes on whatever becomes of the transcript. ``language`` in the address is that of
    the calls of this number, where it is not the configured one.
    """
    door = context.twilio
    form = await door.read(request)
    call_sid = form.get("CallSid", "")
    if not CALL_SID.fullmatch(call_sid):
        raise ProtocolError("the form has no CallSid")
    parameters = {"token": door.tokens.grant(call_sid)}
    language = request.query_params.get("language", "")
    if language:
        if language != "auto" and language not in LANGUAGES:
            raise ConfigurationError(f"unknown language {language[:20]!r}", code="bad_language")
        parameters["language"] = language
    door.calls.expect(call_sid, language)
    _log.info("twilio_call", call_sid=call_sid)
    twiml = answer(door.addresses(request), parameters, door.settings.twilio_dial)
    return Response(twiml, media_type="text/xml")


@router.post("/status", status_code=204)
async def status(context: InContext, request: Request) -> None:
    """Hears how a stream or a call goes: starts a stream anew that broke off, ends what is over."""
    door = context.twilio
    form = await door.read(request)
    event, stream_sid = form.get("StreamEvent", ""), form.get("StreamSid", "")
    call = door.calls.get(form.get("CallSid", ""))
    if call is None and event in BROKEN:
        call = await door.calls.missed(form.get("CallSid", ""))
    door.counts[event or f"call-{form.get('CallStatus', '')[:20]}"] += 1
    if call is None:
        return
    if form.get("CallStatus", "") in OVER:
        door.calls.end(call)
    elif event in BROKEN:
        _log.info(
            "twilio_stream_ended",
            session_id=call.session_id,
            what=event,
            problem=form.get("StreamError", "")[:200],
        )
        await start_again(door, call, stream_sid, door.addresses(request))


@router.websocket("/media")
async def media(socket: WebSocket) -> None:
    """Takes one call's stream."""
    await socket.accept()
    context = get_context(socket)
    async with _closing_with_reason(socket, context):
        context.twilio.check_open()
        await _serve(socket, context)
    await close(socket, 1000)


async def _serve(socket: WebSocket, context: Context) -> None:
    door = context.twilio
    start = await _start(socket)
    came = door.calls.monotonic()
    body = start.start
    grant = door.tokens.redeem(body.custom_parameters.get("token", ""), body.call_sid)
    call = await door.calls.begin(body.call_sid, body.custom_parameters.get("language", ""))
    session = context.service.session(call.session_id)
    await context.backends.ready(session.engine_name)
    stream = Stream(socket, door, call, session)
    try:
        await stream.open(start, grant, came)
        await stream.converse()
    finally:
        stream.release()


async def _start(socket: WebSocket) -> Start:
    """The stream's ``start``; nothing but ``connected`` may come before."""
    try:
        async with asyncio.timeout(START_PATIENCE):
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message.get("code", 1005))
                known = parse(message.get("text") or "")
                if isinstance(known, Start):
                    return known
                if not isinstance(known, Connected | Unknown):
                    raise ProtocolError("before media comes start, with the token of our TwiML")
    except TimeoutError:
        raise ProtocolError(
            f"no start message came within {START_PATIENCE:g} s", code="start_timeout"
        ) from None


@asynccontextmanager
async def _closing_with_reason(socket: WebSocket, context: Context) -> AsyncIterator[None]:
    """Around a stream: Twilio reads no text of ours, so the close itself says what is wrong."""
    try:
        yield
    except WebSocketDisconnect:
        context.twilio.count("broken_stream")
    except CallscribeError as error:
        context.twilio.count("refused_stream", code=error.code, problem=error.message[:200])
        await close(socket, close_code(error), _reason(error))
    except Exception as error:  # noqa: BLE001 - the last stop; other calls must not notice
        _log.error("socket_failed", path=socket.url.path, exc_info=error)
        await close(socket, close_code(INTERNAL), _reason(INTERNAL))


def _reason(error: CallscribeError) -> str:
    whole = f"{error.code}: {error.message}".encode()
    return whole[:REASON].decode(errors="ignore")
