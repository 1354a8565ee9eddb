"""What comes on a socket is taken alike under our server and under any other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

from callscribe.reading import Later
from callscribe.web.reading import read_all
from callscribe.web.sockets import frames_of, send_text
from tests.socket_serving import site

pytestmark = pytest.mark.anyio


@pytest.fixture
def ends() -> list[object]:
    return []


@pytest.fixture
def application(ends: list[object]) -> Iterator[Starlette]:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        ends.append(frames_of(socket) is not None)
        said: list[str | bytes] = []

        async def later(data: str | bytes) -> bool:
            said.append(data)
            return data == "stop"

        async def soon(data: str | bytes) -> None:
            said.append(data)

        def take(data: str | bytes) -> object:
            if data in ("later", "stop"):
                return Later(later(data))
            return soon(data)

        try:
            await read_all(socket, take)  # type: ignore[arg-type]
        except WebSocketDisconnect as error:
            ends.append(error.code)
        else:
            await send_text(socket, f"{said}")
            await socket.close()

    yield Starlette(routes=[WebSocketRoute("/", talk)])


async def test_under_our_server(application: Starlette, ends: list[object]) -> None:
    with site(application) as served:
        async with connect(served.ws) as socket:
            for data in ("a", b"b", "later", "stop"):
                await socket.send(data)
            assert await socket.recv() == "['a', b'b', 'later', 'stop']"
        async with connect(served.ws) as socket:
            await socket.close(4002)
        assert await served.freed()
    assert ends == [True, True, 4002]


def test_under_another_server(application: Starlette, ends: list[object]) -> None:
    client = TestClient(application)
    with client.websocket_connect("/") as socket:
        socket.send_text("a")
        socket.send_bytes(b"b")
        socket.send_text("later")
        socket.send_text("stop")
        assert socket.receive_text() == "['a', b'b', 'later', 'stop']"
    with client.websocket_connect("/") as socket:
        socket.close(4002)
    assert ends == [False, False, 4002]
