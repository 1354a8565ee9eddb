"""The addresses of Deepgram's API that are served here.

May import ``errors``, ``wire`` and the rest of ``web``.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Body, Request, WebSocket
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocketDisconnect

from callscribe.engines.base import FileEngine
from callscribe.errors import CallscribeError, ConfigurationError, EngineError
from callscribe.web.context import Context, get_context
from callscribe.web.listen.keys import DEFAULT_LIFE, LONGEST_LIFE, chosen_subprotocol
from callscribe.web.listen.plan import UNSUPPORTED_HEADER, Plan, make_plan, model_name
from callscribe.web.listen.recording import transcribe
from callscribe.web.listen.replies import error_reply
from callscribe.web.listen.stream import ListenStream, Refused
from callscribe.web.listen.upload import received
from callscribe.web.sockets import close, close_over
from callscribe.wire.deepgram_errors import new_request_id
from callscribe.wire.deepgram_query import parse_query

PATIENCE = 30.0
"""Seconds that a client waits for a model that is being loaded."""

ENGINE = "whisper"

_log = structlog.get_logger(__name__)

router = APIRouter()


@router.websocket("/v1/listen")
async def listen(socket: WebSocket) -> None:
    """Transcribes a stream, in Deepgram's protocol."""
    request_id = new_request_id()
    context = get_context(socket)
    try:
        context.listen_keys.check(socket.scope)
        context.drain.check_open()
        plan = make_plan(parse_query(socket.query_params.multi_items()), streaming=True)
        stream = await _open(socket, context, plan, request_id)
    except CallscribeError as error:
        await socket.send_denial_response(error_reply(error, request_id))
        return
    try:
        with context.drain.stream(stream):
            await socket.accept(chosen_subprotocol(socket.scope), _headers(request_id, plan))
            await stream.converse()
        await close_over(socket, restarting=stream.leaving)
    except Refused as refusal:
        await close(socket, refusal.code, refusal.reason)
    except WebSocketDisconnect:
        pass
    except EngineError as error:
        await close(socket, 1011, error.code)
    except Exception:  # noqa: BLE001 - the last stop; it must not take the server down
        _log.exception("listen_failed", request_id=request_id)
        await close(socket, 1011, "INTERNAL_SERVER_ERROR")
    finally:
        await stream.release()


async def _open(socket: WebSocket, context: Context, plan: Plan, request_id: str) -> ListenStream:
    await context.backends.ready(ENGINE, PATIENCE)
    stream = ListenStream(
        socket, context.backends.engines[ENGINE], plan, request_id, time.monotonic
    )
    try:
        await stream.open()
    except BaseException:
        await asyncio.shield(stream.release())
        raise
    return stream


def _headers(request_id: str, plan: Plan) -> list[tuple[bytes, bytes]]:
    headers = [(b"dg-request-id", request_id.encode())]
    if plan.unsupported:
        listed = ", ".join(plan.unsupported)
        headers.append((UNSUPPORTED_HEADER.encode(), listed.encode("ascii", "replace")))
    return headers


@router.post("/v1/listen")
async def listen_to_recording(request: Request) -> Response:
    """Transcribes the recording in the request's body, in Deepgram's form."""
    request_id = new_request_id()
    context = get_context(request)
    try:
        context.listen_keys.check(request.scope)
        context.drain.check_open()
        plan = make_plan(parse_query(request.query_params.multi_items()), streaming=False)
        await context.backends.ready(ENGINE, PATIENCE)
        engine = context.backends.engines[ENGINE]
        if not isinstance(engine, FileEngine):
            raise EngineError(f"{engine.name} takes no recordings")
        hosts = context.settings.listen_hosts
        with context.drain.recording():
            async with received(request, plan, hosts) as upload:
                found = await transcribe(engine, upload, request_id, model_name(engine))
    except CallscribeError as error:
        return error_reply(error, request_id)
    headers = {name.decode(): value.decode() for name, value in _headers(request_id, plan)}
    return Response(found.encode(), media_type="application/json", headers=headers)


@router.post("/v1/auth/grant")
async def grant(
    request: Request, body: Annotated[dict[str, Any] | None, Body()] = None
) -> Response:
    """Turns a key into a token that is good for a while."""
    request_id = new_request_id()
    keys = get_context(request).listen_keys
    try:
        keys.check(request.scope, allow_token=False)
        seconds = (body or {}).get("ttl_seconds", DEFAULT_LIFE)
        if not isinstance(seconds, int | float) or not 1 <= seconds <= LONGEST_LIFE:
            raise ConfigurationError(
                f"ttl_seconds has to be 1 to {LONGEST_LIFE}", code="invalid_query"
            )
    except CallscribeError as error:
        return error_reply(error, request_id)
    token = {"access_token": keys.grant(seconds), "expires_in": seconds}
    return JSONResponse(token, headers={"dg-request-id": request_id})


@router.get("/v1/auth/token")
async def check_key(request: Request) -> Response:
    """Says whether the key is good."""
    request_id = new_request_id()
    try:
        get_context(request).listen_keys.check(request.scope)
    except CallscribeError as error:
        return error_reply(error, request_id)
    return JSONResponse({"scopes": ["usage:write"]}, headers={"dg-request-id": request_id})
