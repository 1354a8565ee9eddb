"""Requests that open no socket, applications that refuse one, and those that fail."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.socket_serving import (
    HEAD,
    LOOPS,
    Echo,
    Message,
    Receive,
    Send,
    Site,
    dialled,
    opened,
    site,
)

pytestmark = pytest.mark.anyio

# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET ", b"POST ", b"405"),
        (b"Version: 13", b"Version: 8", b"426"),
        (b"Sec-WebSocket-Key", b"X-Key", b"400"),
        (b"Key: dG", b"Key: d", b"400"),
    ],
)
async def test_requests_for_no_socket(
    echoing: Site, echo: Echo, old: bytes, new: bytes, status: bytes
) -> None:
    async with dialled(echoing.port) as raw:
        raw.writer.write((HEAD % b"/").replace(old, new))
        answer = await raw.rest()
    lines, _, body = answer.partition(b"\r\n\r\n")
    first, *headers = lines.split(b"\r\n")
    assert first.startswith(b"HTTP/1.1 %b " % status)
    assert b"connection: close" in headers
    assert b"content-length: %d" % len(body) in headers
    assert body
    assert not echo.scopes
    assert await echoing.freed()


@pytest.mark.parametrize("loop", LOOPS)
async def test_the_application_refuses(loop: str) -> None:
    told: list[Message] = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.connect"
        if scope["path"] == "/close":
            await send({"type": "websocket.close", "code": 4001, "reason": "why"})
        else:
            headers = [(b"X-Why", b"because"), (b"content-type", b"application/json")]
            start = "websocket.http.response.start"
            await send({"type": start, "status": 429, "headers": headers})
            body = {"type": "websocket.http.response.body"}
            await send({**body, "body": b'{"a": ', "more_body": True})
            await send({**body, "body": b"1}"})
        told.append(await receive())
        with pytest.raises(ClientDisconnected):
            await send({"type": "websocket.accept"})

    with site(application, loop) as served:
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{served.ws}/close")
        assert caught.value.response.status_code == 403
        assert not caught.value.response.body
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{served.ws}/answer")
        response = caught.value.response
        assert (response.status_code, response.reason_phrase) == (429, "Too Many Requests")
        assert response.body == b'{"a": 1}'
        assert response.headers["x-why"] == "because"
        assert response.headers.get_all("content-type") == ["application/json"]
        assert await served.freed()
    assert told == [{"type": "websocket.disconnect", "code": 1006}] * 2


# --- applications that fail ----------------------------------------------------------------------


async def failing(scope: Message, receive: Receive, send: Send) -> None:
    """Fails where its path says."""
    if scope["path"] == "/never accepts":
        return
    if scope["path"] == "/bad header":
        await opened(receive, send, headers=[(b"x", "no bytes")])
    if scope["path"] != "/before":
        await opened(receive, send)
    if scope["path"] == "/early":
        await send({"type": "websocket.send", "text": "early"})
    if scope["path"] != "/returns":
        raise ValueError(scope["path"])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", ["before", "never accepts", "bad header"])
async def test_who_fails_before_it_accepts(loop: str, path: str) -> None:
    with site(failing, loop) as served:
        with capture_logs() as logs, pytest.raises(InvalidStatus) as caught:
            await connect(f"{served.ws}/{path.replace(' ', '%20')}")
        assert caught.value.response.status_code == 500
        assert [log["event"] for log in logs] == ["application_failed"] * (path != "never accepts")
        assert await served.freed()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", ["after", "returns"])
async def test_who_fails_after_it_accepted(loop: str, path: str) -> None:
    with site(failing, loop) as served:
        with capture_logs() as logs:
            async with connect(f"{served.ws}/{path}") as socket:
                with pytest.raises(ConnectionClosed) as caught:
                    await asyncio.wait_for(socket.recv(), 10)
            assert await served.freed()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
        assert [log["event"] for log in logs] == ["application_failed"] * (path == "after")


async def test_sending_before_accepting_is_a_mistake() -> None:
    async def application(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        with pytest.raises(RuntimeError, match="before the socket was accepted"):
            await send({"type": "websocket.send", "text": "early"})
        await opened(receive, send)

    with site(application) as served:
        async with connect(served.ws):
            pass
