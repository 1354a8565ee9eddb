"""Frames between real sockets: messages, what breaks the protocol, and every kind of end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from callscribe import frames as frames_module
from callscribe.closing import Closed
from callscribe.frames import LITTLE, Frames
from tests.socket_serving import (
    Echo,
    Message,
    Receive,
    Send,
    Site,
    direct,
    opened,
    site,
    upgraded,
)

pytestmark = pytest.mark.anyio

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MOST = 100_000


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture(params=["uvloop", "asyncio"])
def served(request: pytest.FixtureRequest, echo: Echo) -> Iterator[Site]:
    with site(echo, request.param, ws_max_size=MOST) as running:
        yield running


# --- messages ------------------------------------------------------------------------------------


async def test_messages_of_all_sizes_both_ways(served: Site) -> None:
    async with connect(served.ws, compression=None) as socket:
        for size in (0, 1, 125, 126, 127, 8192, 8193, 65535, 65536, MOST):
            data = os.urandom(size)
            for message in (data, "x" * size):
                await socket.send(message)
                assert await socket.recv() == message
        await socket.send("grüß 電話 🙂")
        assert await socket.recv() == "grüß 電話 🙂"


async def test_parts_are_put_together_with_pings_between(served: Site) -> None:
    async with upgraded(served.port) as raw:
        whole = "grüß".encode()
        raw.frame(TEXT, whole[:3], fin=False)  # within a character
        raw.frame(PING, b"1")
        raw.frame(CONTINUATION, b"", fin=False)
        raw.frame(CONTINUATION, whole[3:])
        raw.frame(BINARY, b"", fin=False)
        raw.frame(CONTINUATION, b"\xff")
        raw.frame(PONG, b"nobody asked")
        assert await raw.next() == (PONG, b"1")
        assert await raw.next() == (TEXT, whole)
        assert await raw.next() == (BINARY, b"\xff")
        raw.frame(PING)
        assert await raw.next() == (PONG, b"")


async def test_a_message_byte_by_byte(served: Site) -> None:
    async with connect(served.ws, compression=None) as socket:
        await socket.send(bytes([at % 256]) for at in range(5000))
        assert await socket.recv() == bytes(at % 256 for at in range(5000))


async def test_parts_cost_what_they_hold(served: Site) -> None:
    async with upgraded(served.port) as raw:
        raw.frame(TEXT, b"a", fin=False)
        raw.writer.write(b"\x00\x80\x00\x00\x00\x00" * 100_000)  # a hundred thousand of nothing
        raw.frame(CONTINUATION, b"b")
        assert await raw.next() == (TEXT, b"ab")


async def test_bytes_as_they_drip(served: Site) -> None:
    async with upgraded(served.port) as raw:
        for byte in b"\x81\xfe\x00\x80\x00\x00\x00\x00" + b"a" * 128:
            raw.writer.write(bytes([byte]))
            await raw.writer.drain()
            await asyncio.sleep(0)
        assert await raw.next() == (TEXT, b"a" * 128)


# --- what breaks the protocol --------------------------------------------------------------------

MASK = b"\x00\x00\x00\x00"
BROKEN: dict[str, tuple[int, bytes]] = {
    "a continuation without a beginning": (1002, b"\x80\x81" + MASK + b"a"),
    "a beginning within a message": (1002, b"\x01\x81" + MASK + b"a\x81\x81" + MASK + b"b"),
    "the first reserved bit": (1002, b"\xc1\x81" + MASK + b"a"),
    "the second reserved bit": (1002, b"\xa1\x81" + MASK + b"a"),
    "the third reserved bit": (1002, b"\x91\x81" + MASK + b"a"),
    "a reserved bit on a pong": (1002, b"\xca\x80" + MASK),
    "an unknown opcode": (1002, b"\x83\x80" + MASK),
    "an unknown control opcode": (1002, b"\x8b\x80" + MASK),
    "an unmasked frame": (1002, b"\x81\x01a"),
    "a ping in parts": (1002, b"\x09\x80" + MASK),
    "a ping of 126 bytes": (1002, b"\x89\xfe\x00\x7e" + MASK + bytes(126)),
    "a length longer than needed": (1002, b"\x81\xfe\x00\x05" + MASK + b"abcde"),
    "text that is no UTF-8": (1007, b"\x81\x81" + MASK + b"\xff"),
    "parts that are no UTF-8": (1007, b"\x01\x81" + MASK + b"\xc3\x80\x81" + MASK + b"a"),
    "a surrogate": (1007, b"\x81\x83" + MASK + b"\xed\xa0\x80"),
    "a message too big": (1009, b"\x82\xff" + (MOST + 1).to_bytes(8, "big") + MASK),
    "half of all there is": (1009, b"\x82\xff\x7f" + b"\xff" * 7 + MASK),
    "a close of one byte": (1002, b"\x88\x81" + MASK + b"a"),
    "a reason that is no UTF-8": (1007, b"\x88\x83" + MASK + b"\x03\xe8\xff"),
    **{
        f"the close code {code}": (1002, b"\x88\x82" + MASK + code.to_bytes(2, "big"))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize(("code", "sent"), BROKEN.values(), ids=BROKEN)
async def test_who_breaks_the_protocol_is_told(echo: Echo, code: int, sent: bytes) -> None:
    with site(echo, ws_max_size=MOST) as served:
        async with upgraded(served.port) as raw:
            raw.frame(TEXT, b"before")
            assert await raw.next() == (TEXT, b"before")
            raw.writer.write(sent)
            raw.frame(TEXT, b"behind")
            assert (await raw.next())[1][:2] == code.to_bytes(2, "big"), "and nothing between"
            assert await raw.rest() == b""
            assert (await echo.end())[0] == code
            assert await served.freed()


async def test_a_message_too_big_in_parts(echo: Echo) -> None:
    with site(echo, ws_max_size=MOST) as served:
        async with upgraded(served.port) as raw:
            raw.frame(BINARY, bytes(MOST), fin=False)
            raw.frame(CONTINUATION, b"", fin=False)
            raw.frame(CONTINUATION, b"1", fin=False)
            assert await raw.closed() == (1009, "a message may hold 100000 bytes")
            assert await echo.end() == (1009, "a message may hold 100000 bytes")


async def test_what_is_too_big_is_not_given_even_when_it_comes_whole(echo: Echo) -> None:
    with site(echo, ws_max_size=10) as served:
        async with upgraded(served.port) as raw:
            raw.writer.write(b"\x82\x8b")
            await asyncio.sleep(0.002)
            raw.writer.write(MASK + bytes(11))
            assert (await raw.next())[0] == CLOSE
            assert await raw.rest() == b""


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (3000, ""), (4999, "é")])
async def test_the_client_closes(served: Site, echo: Echo, code: int, reason: str) -> None:
    async with connect(served.ws) as socket:
        await socket.close(code, reason)
        assert (socket.close_code, socket.close_reason) == (code, reason)
    assert await echo.end() == (code, reason)
    assert await served.freed()


async def test_the_client_closes_without_a_code(served: Site, echo: Echo) -> None:
    async with upgraded(served.port) as raw:
        raw.frame(CLOSE)
        raw.frame(TEXT, b"dropped")
        assert await raw.closed() == (1000, "")
        assert await raw.rest() == b""
    assert await echo.end() == (1005, "")


async def test_the_client_vanishes(served: Site, echo: Echo) -> None:
    async with upgraded(served.port) as raw:
        raw.frame(TEXT, b"half a message", fin=False)
        await raw.writer.drain()
    assert await echo.end() == (1006, "")
    assert await served.freed()


def closing(code: int, reason: str = "", then: Callable[[], Awaitable[Any]] | None = None) -> Any:
    """An application that closes, and reads what is left."""

    async def application(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await opened(receive, send)
        await send({"type": "websocket.close", "code": code, "reason": reason})
        if then is not None:
            await then()

    return application


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [(1000, "", ""), (1012, "away", "away"), (3000, "", ""), (4001, "why: é", "why: é"),
     (4999, "é" * 100, "é" * 61), (1011, "\ud800", "?")],
)  # fmt: skip
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_the_server_closes(loop: str, code: int, reason: str, said: str) -> None:
    with site(closing(code, reason), loop) as served:
        async with connect(served.ws) as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 10)
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, said)
            assert caught.value.sent is not None, "and is answered"
        assert await served.freed()


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "CLOSE_DEADLINE", 0.1)


@pytest.mark.usefixtures("short_deadline")
async def test_a_close_that_nobody_answers() -> None:
    with site(closing(4001)) as served:
        async with upgraded(served.port) as raw:
            raw.frame(TEXT, b"dropped")
            assert await raw.closed() == (4001, "")
            assert await raw.rest() == b""
            assert await served.freed()


@pytest.mark.usefixtures("short_deadline")
@pytest.mark.parametrize("first", ["client", "server", "fault"])
async def test_who_reads_nothing_is_cut_off_when_it_closes(first: str) -> None:
    async def flood(frames: Frames) -> None:
        while not frames.is_congested and frames.closed is None:
            frames.send(bytes(50_000))
        if first == "server":
            frames.close(1000)
        await frames.receive()

    with site(direct(flood)) as served:
        async with upgraded(served.port, small=True) as raw:
            if first == "client":
                raw.frame(CLOSE, b"\x03\xe8")
            elif first == "fault":
                raw.frame(CONTINUATION)
            assert await served.freed()


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_a_close_while_messages_wait_unread(loop: str) -> None:
    got: list[object] = []

    async def late(frames: Frames) -> None:
        while len(frames._waiting) < LITTLE:
            await asyncio.sleep(0.001)
        frames.close(4001)
        got.extend([await frames.receive() for _ in range(LITTLE)])
        while not isinstance(message := await frames.receive(), Closed):
            got.append(message)
        got.append(await frames.receive())

    with site(direct(late), loop) as served:
        async with connect(served.ws) as socket:
            for at in range(LITTLE):
                await socket.send(str(at))
            await asyncio.wait_for(socket.wait_closed(), 10)
            assert socket.close_code == 4001, "the answer was read though reading was stopped"
        assert await served.freed()
    assert got == [*map(str, range(LITTLE)), Closed(4001, ours=True)]
