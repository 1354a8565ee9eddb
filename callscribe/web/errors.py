"""The one place where an error becomes an HTTP status or a WebSocket close code.

At Deepgram's addresses it is told in Deepgram's form. May import ``errors`` and
``web.listen.replies``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from callscribe.errors import CallscribeError, ConfigurationError, EngineError
from callscribe.settings import TranscriptionConfig
from callscribe.web.listen.replies import ADDRESSES, error_reply
from callscribe.wire.deepgram_errors import new_request_id

_log = structlog.get_logger(__name__)

CODES: Mapping[str, tuple[int, int]] = {
    # code: (HTTP status, WebSocket close code)
    "bad_configuration": (422, 1008),
    "bad_language": (422, 1008),
    "invalid_query": (422, 1008),
    "remote_content": (400, 1008),
    "bad_format": (422, 1008),
    "bad_message": (400, 1007),
    "bad_sample_rate": (422, 1003),
    "bad_encoding": (422, 1003),
    "start_expected": (400, 1003),
    "start_timeout": (408, 1008),
    "too_many_mistakes": (400, 1008),
    "no_telephone": (404, 1008),
    "too_big": (413, 1009),
    "bad_audio": (422, 1007),
    "bad_media": (415, 1003),
    "undecodable": (415, 1008),
    "bad_session": (422, 1008),
    "session_exists": (409, 1008),
    "no_such_session": (404, 1008),
    "no_such_leg": (404, 1008),
    "no_such_letter": (404, 1008),
    "session_closed": (409, 1008),
    "session_deleted": (410, 1008),
    "speaker_taken": (409, 1008),
    "taken_over": (409, 1008),
    "bad_resume": (409, 1008),
    "unauthorized": (401, 1008),
    "forbidden": (403, 1008),
    "at_capacity": (503, 1013),
    "model_loading": (503, 1013),
    "shutting_down": (503, 1012),
    "store_failed": (503, 1013),
    "event_refused": (500, 1011),
    "engine_failed": (502, 1011),
    "upstream_failed": (502, 1011),
    "bad_model": (503, 1011),
    "internal": (500, 1011),
}
"""What each code becomes. A code that is not here counts as that of its class."""

_PLAIN = {404: "not_found", 405: "method_not_allowed", 413: "too_big"}

INTERNAL = CallscribeError(
    "something went wrong in the server; it has been logged", code="internal", retryable=True
)
"""What a caller is told of a bug."""


def http_status(error: CallscribeError) -> int:
    """The HTTP status of an error."""
    return _codes(error)[0]


def close_code(error: CallscribeError) -> int:
    """The WebSocket close code of an error."""
    return _codes(error)[1]


def _codes(error: CallscribeError) -> tuple[int, int]:
    for code in (error.code, type(error).code):
        if code in CODES:
            return CODES[code]
    return CODES["engine_failed" if isinstance(error, EngineError) else "internal"]


def error_response(error: CallscribeError, path: str = "") -> Response:
    """The answer to a request that failed: ``code``, ``message`` and ``retryable``."""
    if path.startswith(ADDRESSES):
        return error_reply(error, new_request_id())
    status = http_status(error)
    headers = {"Retry-After": "5"} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.to_dict(), status, headers)


def details(
    problems: Sequence[Mapping[str, Any]], place: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Pydantic's problems as ``loc``, ``msg`` and ``type``: never the value, it may be a key."""
    return [
        {
            "loc": [*place, *problem["loc"]],
            "msg": _message(problem),
            "type": problem["type"],
        }
        for problem in problems
    ]


def _message(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return f"Unknown key; right ones are {', '.join(TranscriptionConfig.model_fields)}"
    return str(problem["msg"])


def install(app: FastAPI) -> None:
    """Has the application answer every error in the one form."""
    app.add_exception_handler(CallscribeError, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(ValidationError, _answer_invalid_body)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_bug)


async def _answer_ours(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, CallscribeError) else INTERNAL
    return error_response(known, request.url.path)


async def _answer_invalid_request(request: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    return _invalid(request.url.path, details(problems))


async def _answer_invalid_body(request: Request, error: Exception) -> Response:
    problems = error.errors(include_url=False) if isinstance(error, ValidationError) else []
    return _invalid(request.url.path, details(problems, ("body",)))


def _place(loc: Sequence[Any]) -> str:
    """Where in the request; of a body that is wrong as a whole there is no more to say."""
    inner = loc[1:] if len(loc) > 1 and isinstance(loc[1], str) else loc[:1]
    return ".".join(map(str, inner))


def _invalid(path: str, problems: list[dict[str, Any]]) -> Response:
    message = "; ".join(f"{_place(p['loc'])}: {p['msg']}" for p in problems)
    if path.startswith(ADDRESSES):
        return error_response(ConfigurationError(message), path)
    body = {"code": "bad_request", "message": message, "retryable": False, "detail": problems}
    return JSONResponse(jsonable_encoder(body), 422)


async def _answer_http(request: Request, error: Exception) -> Response:
    path = request.url.path
    if not isinstance(error, HTTPException):
        return error_response(INTERNAL, path)
    code = _PLAIN.get(error.status_code, "bad_request")
    ours = CallscribeError(str(error.detail), code=code)
    if path.startswith(ADDRESSES):
        answer: Response = error_reply(ours, new_request_id(), error.status_code)
    else:
        answer = JSONResponse(ours.to_dict(), error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _answer_bug(request: Request, error: Exception) -> Response:
    _log.error("bug", path=request.url.path, exc_info=error)
    return error_response(INTERNAL, request.url.path)
