"""What goes out, and how it is cut into frames; connections as a whole are in test_connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from callscribe.engines.deepgram import writer as module
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.deepgram.writer import SECONDS_A_FRAME, Writer
from callscribe.engines.lane import Lane

pytestmark = pytest.mark.anyio

RATE = 16_000
LONG = 20_000
"""Bytes that no socket takes at once."""


class Socket:
    """Keeps what it is given; takes nothing while it is held."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.is_free = True
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, data: str | bytes) -> None:
        await self.open.wait()
        self.frames.append(data)

    def take(self, data: bytes) -> bool:
        taken = self.is_free and len(data) < LONG
        if taken:
            self.frames.append(data)
        return taken


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
def watch() -> Watch:
    return Watch(RATE, time.monotonic)


@pytest.fixture
def lane() -> Lane:
    return Lane(lambda *_: None)


@pytest.fixture
async def writer(socket: Socket, watch: Watch, lane: Lane) -> AsyncIterator[Writer]:
    made = Writer(
        socket,  # type: ignore[arg-type] - all of one that is needed
        watch,
        RATE,
        2,
        time.monotonic,
        lambda _silent: None,
        lane,
        socket.take,
    )
    await asyncio.sleep(2 * module.HASTE)
    yield made


async def test_a_frame_goes_at_once_where_the_socket_is_free(
    writer: Writer, socket: Socket
) -> None:
    writer.audio(b"ab", time.monotonic())
    assert socket.frames == [b"ab"]  # nobody runs it yet
    writer.audio(b"cd", time.monotonic())  # too soon: it is joined with what comes
    writer.audio(b"ef", time.monotonic())
    assert socket.frames == [b"ab"]
    writer.end()
    await writer.run()
    assert socket.frames == [b"ab", b"cdef", '{"type":"CloseStream"}']


async def test_the_lane_is_open_where_nothing_is_to_be_waited_for(
    writer: Writer, socket: Socket, lane: Lane
) -> None:
    now = time.monotonic()
    assert lane.take(b"ab", now)
    assert not lane.take(bytes(LONG), now + 1)
    writer.audio(bytes(LONG), now + 1)
    assert not lane.take(b"cd", now + 2), "what came before waits"
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0.01)
    assert lane.take(b"cd", now + 2)
    writer.finalize()
    assert not lane.take(b"ef", now + 3), "a final was asked for behind what came before"
    await asyncio.sleep(0.01)
    assert lane.take(b"ef", now + 3)
    writer.shut(shut=True)
    assert not lane.take(b"gh", now + 4)
    writer.shut(shut=False)
    assert lane.take(b"gh", now + 4)
    writer.end()
    assert not lane.take(b"ij", now + 5)
    await asyncio.sleep(0.01)
    assert lane.send is None
    running.cancel()
    audio = b"".join(frame for frame in socket.frames if isinstance(frame, bytes))
    assert audio == b"ab" + bytes(LONG) + b"cdefgh"


@pytest.mark.parametrize("why", ["busy", "long"])
async def test_what_would_wait_is_left_to_the_task(
    writer: Writer, socket: Socket, why: str
) -> None:
    socket.is_free = why != "busy"
    data = bytes(640 if why == "busy" else LONG)
    writer.audio(data, time.monotonic())
    assert not socket.frames
    writer.end()
    await writer.run()
    assert socket.frames[0] == data


async def test_frames_are_no_longer_than_they_may_be(writer: Writer, socket: Socket) -> None:
    writer.audio(bytes(RATE * 2 * 5), time.monotonic())
    writer.finalize()
    writer.end()
    await writer.run()
    audio = [frame for frame in socket.frames if isinstance(frame, bytes)]
    assert {len(frame) for frame in audio} == {int(SECONDS_A_FRAME * RATE) * 2}
    assert socket.frames[5:] == ['{"type":"Finalize"}', '{"type":"CloseStream"}']


async def test_a_socket_that_takes_nothing_is_seen(
    writer: Writer, socket: Socket, watch: Watch
) -> None:
    socket.open.clear()
    writer.audio(bytes(LONG), time.monotonic())
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0.05)
    assert watch.blocked_for > 0
    socket.open.set()
    writer.end()
    await running
    assert watch.blocked_for == 0
