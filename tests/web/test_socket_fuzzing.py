"""Whatever is sent behind an upgrade: the server still serves, and holds nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from tests.socket_serving import (
    Echo,
    Message,
    Receive,
    Send,
    Site,
    site,
    upgraded,
)


@pytest.fixture(scope="module")
def enduring() -> Iterator[Site]:
    """A server of pages and sockets that many clients try."""
    echo = Echo()

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await echo(scope, receive, send)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"page"})

    with site(application, ws_max_size=5000) as running:
        yield running


frames = st.builds(
    lambda first, size, mask, data: bytes([first, size | 0x80]) + mask + data,
    st.integers(0, 255),
    st.integers(0, 127),
    st.binary(min_size=4, max_size=4),
    st.binary(max_size=130),
)
sane = st.builds(
    lambda opcode, data, fin: Frame(opcode, data, fin or opcode > 7).serialize(mask=True),
    st.sampled_from(list(Opcode)),
    st.binary(max_size=100),
    st.booleans(),
)
junk = st.lists(
    st.lists(sane | frames | st.binary(max_size=300), max_size=10), min_size=1, max_size=12
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk)
def test_whatever_is_sent_nothing_is_left(enduring: Site, clients: list[list[bytes]]) -> None:
    async def one(pieces: list[bytes]) -> None:
        async with upgraded(enduring.port) as raw:
            for piece in pieces:
                raw.writer.write(piece)
                await asyncio.sleep(0)
            if len(pieces) % 2:
                raw.writer.write_eof()
                await raw.rest()

    async def all_of_them() -> None:
        results = await asyncio.gather(*map(one, clients), return_exceptions=True)
        assert all(result is None or isinstance(result, OSError) for result in results), results
        assert await enduring.freed(), enduring.held
        async with connect(enduring.ws) as socket:
            await socket.send("still there")
            assert await socket.recv() == "still there"
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"http://127.0.0.1:{enduring.port}/")).text == "page"

    asyncio.run(all_of_them())
