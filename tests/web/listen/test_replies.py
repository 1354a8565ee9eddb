"""Errors in Deepgram's form."""

from __future__ import annotations

import json

import pytest

from callscribe.errors import (
    AudioError,
    AuthenticationError,
    CallscribeError,
    CapacityError,
    ConfigurationError,
    EngineError,
    ModelError,
    ProtocolError,
)
from callscribe.web.listen.replies import error_reply, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("x"), 400),
        (AudioError("x"), 400),
        (AuthenticationError("x"), 401),
        (CallscribeError("x", code="forbidden"), 403),
        (ProtocolError("x", code="too_big"), 413),
        (CapacityError("x"), 503),
        (EngineError("x", retryable=True), 503),
        (ModelError("x"), 503),
        (EngineError("x"), 500),
    ],
)
def test_statuses(error: CallscribeError, status: int) -> None:
    assert status_of(error) == status
    assert error_reply(error, "id").status_code == status


def test_headers_and_body_say_the_same() -> None:
    reply = error_reply(ConfigurationError("« déjà »\nvu", code="invalid_query"), "an-id")
    assert reply.headers["dg-request-id"] == "an-id"
    assert reply.headers["dg-error"].isascii()
    assert json.loads(bytes(reply.body)) == {
        "err_code": "INVALID_QUERY_PARAMETER",
        "err_msg": "« déjà »\nvu",
        "request_id": "an-id",
    }
