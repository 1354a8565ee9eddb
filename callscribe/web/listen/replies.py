"""Errors as Deepgram tells them: statuses, bodies, headers, close codes. May import ``errors``."""

from __future__ import annotations

import uuid
from typing import Final

from starlette.responses import JSONResponse

from callscribe.errors import (
    AudioError,
    AuthenticationError,
    CallscribeError,
    CapacityError,
    ConfigurationError,
)

ADDRESSES: Final = "/v1/"
"""Whatever fails under these is told in this form."""

CODES: Final = {
    400: "Bad Request",
    401: "INVALID_AUTH",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}

UNDECODABLE: Final = (1008, "DATA-0000")
SILENT_CLIENT: Final = (
    1011,
    "NET-0001: no audio data or text message came within the timeout window",
)
NO_AUDIO: Final = (1011, "NET-0000: no audio came to transcribe within the timeout window")


def new_request_id() -> str:
    """An id for a request; official clients refuse what is no UUID."""
    return str(uuid.uuid4())


def status_of(error: CallscribeError) -> int:
    """The HTTP status that Deepgram gives for this kind of error."""
    if error.code in ("forbidden", "too_big"):
        return {"forbidden": 403, "too_big": 413}[error.code]
    if isinstance(error, ConfigurationError | AudioError):
        return 400
    if isinstance(error, AuthenticationError):
        return 401
    if isinstance(error, CapacityError):
        return 503
    return 503 if error.retryable else 500


def error_reply(error: CallscribeError, request_id: str, status: int | None = None) -> JSONResponse:
    """The answer to a request or upgrade that is refused; ``status`` is the error's own by default.

    Deepgram's ``err_code`` says more than the status in one case only.
    """
    status = status or status_of(error)
    code = "INVALID_QUERY_PARAMETER" if error.code == "invalid_query" else _code(status)
    headers = {
        "dg-request-id": request_id,
        # Header values are Latin-1 without line ends.
        "dg-error": error.message.encode("ascii", "replace").decode().replace("\n", " "),
    }
    if status == 503:
        headers["Retry-After"] = "5"
    body = {"err_code": code, "err_msg": error.message, "request_id": request_id}
    return JSONResponse(body, status, headers)


def _code(status: int) -> str:
    return CODES.get(status) or CODES[400 if status < 500 else 500]
