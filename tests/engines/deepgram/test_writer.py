"""What goes out, and how it is cut into frames; connections as a whole are in test_connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from callscribe.engines.deepgram import writer as module
from callscribe.engines.deepgram.watch import Watch
from callscribe.engines.deepgram.writer import AT_ONCE, SECONDS_A_FRAME, Writer

pytestmark = pytest.mark.anyio

RATE = 16_000


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
        if self.is_free:
            self.frames.append(data)
        return self.is_free


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
def watch() -> Watch:
    return Watch(RATE, time.monotonic)


@pytest.fixture
async def writer(socket: Socket, watch: Watch) -> AsyncIterator[Writer]:
    made = Writer(socket, watch, RATE, 2, time.monotonic, lambda: None)  # type: ignore[arg-type]
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


async def test_a_frame_is_taken_where_nothing_is_to_be_waited_for(
    writer: Writer, socket: Socket
) -> None:
    now = time.monotonic()
    assert writer.take(b"ab", now)
    assert not writer.take(b"cd", now + module.HASTE / 2)
    socket.is_free = False
    assert not writer.take(b"cd", now + 1)
    socket.is_free = True
    assert not writer.take(bytes(AT_ONCE + 2), now + 1)
    assert writer.take(b"cd", now + 1)
    writer.audio(b"ef", time.monotonic())
    writer.finalize()
    assert not writer.take(b"gh", now + 2), "a final was asked for behind what came before"
    assert socket.frames[:2] == [b"ab", b"cd"]


@pytest.mark.parametrize("why", ["busy", "long"])
async def test_what_would_wait_is_left_to_the_task(
    writer: Writer, socket: Socket, why: str
) -> None:
    socket.is_free = why != "busy"
    data = bytes(640 if why == "busy" else AT_ONCE + 2)
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
    writer.audio(bytes(AT_ONCE * 2), time.monotonic())
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0.05)
    assert watch.blocked_for > 0
    socket.open.set()
    writer.end()
    await running
    assert watch.blocked_for == 0
