"""Sockets that say nothing, read nothing, or are not read: pings and back-pressure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect

from callscribe.closing import Closed
from callscribe.frames import GONE, Frames
from tests.socket_serving import (
    Echo,
    Message,
    Receive,
    Send,
    before_long,
    direct,
    opened,
    site,
    upgraded,
)

pytestmark = pytest.mark.anyio

BINARY, TEXT, PING, PONG = 2, 1, 9, 10


@pytest.fixture
def echo() -> Echo:
    return Echo()


# --- signs of life -------------------------------------------------------------------------------

SOON: dict[str, Any] = {"ws_ping_interval": 0.05, "ws_ping_timeout": 0.05}


async def test_a_client_that_answers_no_ping_is_given_up(echo: Echo) -> None:
    with site(echo, **SOON) as served:
        async with upgraded(served.port) as raw:
            assert await raw.next() == (PING, b"")
            assert await raw.closed() == (1011, GONE)
            assert await raw.rest() == b""
        assert await echo.end() == (1011, GONE)
        assert await served.freed()


@pytest.mark.parametrize("sign", [TEXT, PING, PONG])
async def test_whatever_comes_is_a_sign_of_life(echo: Echo, sign: int) -> None:
    with site(echo, **SOON) as served:
        async with upgraded(served.port) as raw:
            for _ in range(15):
                raw.frame(sign)
                await asyncio.sleep(0.02)
            raw.frame(TEXT, b"still here")
            while (await raw.next()) != (TEXT, b"still here"):
                pass
            assert not echo.ends


async def test_the_client_that_answers_pings_stays(echo: Echo) -> None:
    with site(echo, **SOON) as served:
        async with connect(served.ws) as socket:
            await asyncio.sleep(0.3)
            await socket.send("still here")
            assert await socket.recv() == "still here"


# --- back-pressure -------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_who_reads_slowly_is_waited_for(loop: str) -> None:
    messages = [at.to_bytes(2, "big") * (4000 + 311 * at % 30_000) for at in range(300)]
    sent = [0]

    async def flood(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await opened(receive, send)
        for message in messages:
            await send({"type": "websocket.send", "bytes": message})
            sent[0] += 1
        await send({"type": "websocket.close"})

    with site(flood, loop) as served:
        async with upgraded(served.port, small=True) as raw:
            before = -1
            while before != sent[0]:
                before = sent[0]
                await asyncio.sleep(0.1)
            # All but 64 KB and the one above it is with the kernel.
            assert 0 < before < 250
            for message in messages:
                assert await raw.next() == (BINARY, message)
            assert await raw.closed() == (1000, "")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_frames_of_all_sizes_keep_their_headers_while_they_wait(loop: str) -> None:
    messages = [b"%d" % at * size for at in range(100) for size in (1, 100, 8193, 70_000, 9000)]

    async def flood(frames: Frames) -> None:
        for message in messages:
            frames.send(message if len(message) % 2 else message.decode())
        frames.close(1000)

    with site(direct(flood), loop) as served:
        async with upgraded(served.port, small=True) as raw:
            await asyncio.sleep(0.05)
            for message in messages:
                assert await raw.next() == (BINARY if len(message) % 2 else TEXT, message)
            assert await raw.closed() == (1000, "")


async def test_who_is_waited_for_may_vanish() -> None:
    ended = []

    async def flood(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await opened(receive, send)
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(50_000)})
        except OSError:
            ended.append(True)
            raise

    with site(flood) as served:
        async with upgraded(served.port, small=True):
            await asyncio.sleep(0.1)
            assert not ended
        assert await served.freed()
    assert ended


async def test_pongs_for_who_does_not_read_do_not_pile_up() -> None:
    held: list[Frames] = []

    async def wait(frames: Frames) -> None:
        held.append(frames)
        while not frames.is_congested:
            frames.send(bytes(50_000))
        while not isinstance(await frames.receive(), Closed):
            pass

    with site(direct(wait)) as served:
        async with upgraded(served.port, small=True) as raw:
            assert await before_long(lambda: bool(held) and held[0].is_congested)
            transport = held[0]._transport
            assert transport is not None
            size = transport.underlying_transport.get_write_buffer_size()
            for at in range(10_000):
                raw.frame(PING, b"%d" % at)
                await raw.writer.drain()
            raw.frame(TEXT, b"read")
            await asyncio.sleep(0.05)
            assert transport.underlying_transport.get_write_buffer_size() <= size
            while (frame := await raw.next())[0] == BINARY:
                pass
            assert frame == (PONG, b"9999"), "the last one is answered once there is room"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_who_is_heard_slowly_has_to_wait(loop: str) -> None:
    go = asyncio.Event()
    here = asyncio.get_running_loop()
    got: list[bytes] = []

    async def slow(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await opened(receive, send)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), here))
        while (message := await receive())["type"] == "websocket.receive":
            got.append(message["bytes"])

    messages = [at.to_bytes(2, "big") * 25_000 for at in range(300)]
    with site(slow, loop) as served:
        async with connect(served.ws, compression=None, write_limit=4096) as socket:

            async def send_all() -> None:
                for message in messages:
                    await socket.send(message)

            sending = asyncio.create_task(send_all())
            done, _ = await asyncio.wait([sending], timeout=0.3)
            assert not done, "15 MB were taken though nobody listens"
            go.set()
            await sending
    assert got == messages
