"""Errors as Deepgram tells them: which of ours becomes which of its statuses.

May import ``errors`` and ``wire``.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from callscribe.errors import (
    AudioError,
    AuthenticationError,
    CallscribeError,
    CapacityError,
    ConfigurationError,
    ModelError,
)
from callscribe.wire.deepgram_errors import refusal

ADDRESSES: Final = "/v1/"
"""Whatever fails under these is told in this form."""

ERR_CODES: Final = {
    "invalid_query": "INVALID_QUERY_PARAMETER",
    "remote_content": "REMOTE_CONTENT_ERROR",
}
"""``err_code`` where the status alone does not say it."""


def status_of(error: CallscribeError) -> int:
    """The HTTP status that Deepgram gives for this kind of error."""
    if error.code in ("forbidden", "too_big"):
        return {"forbidden": 403, "too_big": 413}[error.code]
    if isinstance(error, ConfigurationError | AudioError):
        return 400
    if isinstance(error, AuthenticationError):
        return 401
    if isinstance(error, CapacityError | ModelError):
        return 503
    return 503 if error.retryable else 500


def error_reply(error: CallscribeError, request_id: str, status: int | None = None) -> Response:
    """The answer to a request or upgrade that is refused; ``status`` is the error's own if None."""
    status = status or status_of(error)
    said = refusal(status, error.message, request_id, code=ERR_CODES.get(error.code))
    again = {"Retry-After": "5"} if isinstance(error, CapacityError) else {}
    return Response(said.body, said.status, {**said.headers, **again})
