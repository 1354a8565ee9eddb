"""Frames that are heard as they come, past ASGI: in order, and nothing lost by a pause."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect

from callscribe.closing import Closed
from callscribe.frames import Frames
from tests.socket_serving import (
    direct,
    site,
    upgraded,
)

pytestmark = pytest.mark.anyio

TEXT, CLOSE = 1, 8


# --- as they come --------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_messages_are_heard_as_they_come(loop: str) -> None:
    heard: list[object] = []

    async def take(frames: Frames) -> None:
        while len(frames._waiting) < 3:
            await asyncio.sleep(0.001)
        frames.hear(heard.append)
        assert heard == ["0", "1", "2"], "those first that waited"
        frames.send("go on")
        while frames.closed is None:
            await asyncio.sleep(0.001)

    with site(direct(take), loop) as served:
        async with connect(served.ws) as socket:
            for at in range(3):
                await socket.send(str(at))
            assert await socket.recv() == "go on"
            for at in range(3, 100):
                await socket.send(str(at))
            await socket.close(4001, "done")
        assert await served.freed()
    assert heard == [*map(str, range(100)), Closed(4001, "done")]


class Fitful:
    """Hears frames, with a pause after every seventh."""

    def __init__(self, last: str = "") -> None:
        self.heard: list[object] = []
        self.last = last
        """The message after which it closes."""

    async def __call__(self, frames: Frames) -> None:
        self.frames = frames
        self.done = asyncio.Event()
        frames.hear(self.hear)
        async with asyncio.timeout(10):
            await self.done.wait()
        await asyncio.sleep(0.02)

    def hear(self, message: object) -> None:
        self.heard.append(message)
        if isinstance(message, Closed):
            self.done.set()
        elif len(self.heard) % 7 == 0:
            self.frames.pause()
            asyncio.get_running_loop().call_later(0.001, self.go_on, len(self.heard))
        elif message == self.last:
            self.frames.close(4001)

    def go_on(self, count: int) -> None:
        if len(self.heard) != count:
            self.heard.append("heard while paused")
        self.frames.read_on()


@pytest.mark.parametrize("end", ["client closes", "client vanishes", "server closes"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
async def test_nothing_is_lost_by_a_pause_within_a_burst(loop: str, end: str) -> None:
    fitful = Fitful("99" if end == "server closes" else "")
    with site(direct(fitful), loop) as served:
        async with upgraded(served.port) as raw:
            for at in range(100):
                raw.frame(TEXT, b"%d" % at)
            if end == "client closes":
                raw.frame(CLOSE, b"\x0f\xa1")
            await raw.writer.drain()
            if end == "client vanishes":
                raw.writer.close()
            else:
                assert await raw.closed() == (4001, "")
        assert await served.freed()
    *messages, last = fitful.heard
    assert messages == list(map(str, range(100)))
    code = 1006 if end == "client vanishes" else 4001
    assert last == Closed(code, ours=end == "server closes")


async def test_a_close_and_a_hanging_up_while_paused() -> None:
    heard: list[object] = []

    async def take(frames: Frames) -> None:
        frames.hear(heard.append)
        frames.pause()
        frames.close(4001)
        frames.close(4002)
        frames.pause()
        frames.send("nothing")
        assert heard == []
        frames.read_on()
        frames.read_on()
        assert heard == [Closed(4001, ours=True)], "once"
        frames.hang_up()
        frames.pause()
        frames.read_on()
        while frames._transport is not None:
            await asyncio.sleep(0.001)
        frames.hang_up()
        frames.pause()
        frames.close(4003)
        assert frames.closed == Closed(4001, ours=True)

    with site(direct(take)) as served:
        async with upgraded(served.port) as raw:
            assert await raw.next() == (CLOSE, b"\x0f\xa1")
            assert await raw.rest() == b""
        assert await served.freed()


async def test_who_hears_of_the_end_may_hang_up() -> None:
    async def take(frames: Frames) -> None:
        frames.hear(lambda _: frames.hang_up())
        frames.close(4001, "why")

    with site(direct(take)) as served:
        async with upgraded(served.port) as raw:
            assert await raw.closed() == (4001, "why")
            assert await raw.rest() == b""
