"""What both kinds of socket do alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect
from structlog.testing import capture_logs

from callscribe.errors import CapacityError, SessionNotFound
from callscribe.web.sockets import accept, telling_errors

pytestmark = pytest.mark.anyio


class Wire:
    """A client: what it was sent, and whether it is still there."""

    def __init__(self, offered: list[str] | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = False
        scope = {"type": "websocket", "path": "/ws", "headers": [], "subprotocols": offered or []}
        self.socket = WebSocket(
            {**scope, "scheme": "ws", "server": ("localhost", 80), "query_string": b""},
            self.receive,
            self.send,
        )

    async def receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        if self.gone:
            raise OSError("gone")
        self.sent.append(message)


async def after(*errors: Exception, gone: bool = False) -> list[dict[str, Any]]:
    """What a client is sent after its socket's work has failed."""
    wire = Wire()
    await accept(wire.socket)
    wire.gone = gone
    async with telling_errors(wire.socket):
        raise ExceptionGroup("several", errors)
    return wire.sent[1:]


async def test_an_error_is_said_and_closes_with_its_code() -> None:
    text, close = await after(CapacityError("full"))
    assert json.loads(text["text"]) == {
        "type": "error",
        "code": "at_capacity",
        "message": "full",
        "fatal": True,
        "retryable": True,
    }
    assert (close["code"], close["reason"]) == (1013, "at_capacity")


async def test_a_bug_is_logged_and_not_told() -> None:
    with capture_logs() as logs:
        text, close = await after(ZeroDivisionError("a detail of the inside"))
    assert "inside" not in text["text"]
    assert close["code"] == 1011
    assert logs[0]["event"] == "socket_failed"


async def test_a_client_who_is_gone_is_no_error() -> None:
    assert await after(WebSocketDisconnect(1006)) == []
    assert await after(SessionNotFound("x"), gone=True) == []


@pytest.mark.parametrize(
    ("offered", "chosen"), [([], None), (["token", "KEY"], "token"), (["other"], None)]
)
async def test_the_key_is_not_repeated(offered: list[str], chosen: str | None) -> None:
    wire = Wire(offered)
    await accept(wire.socket)
    assert wire.sent[0]["subprotocol"] == chosen
