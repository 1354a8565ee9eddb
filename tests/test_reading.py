"""Frames taken as they come: at once, later, or while something is waited for; in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from websockets.asyncio.client import connect

from callscribe.closing import Closed
from callscribe.frames import Frames
from callscribe.reading import Later, read_frames
from tests.socket_serving import direct, site, upgraded
from tests.test_frames import BROKEN, MOST

pytestmark = pytest.mark.anyio

TEXT, CLOSE, PING = 1, 8, 9


class Taker:
    """Takes messages in the way that each asks for."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.end: object = "it goes on"

    def take(self, message: str | bytes) -> Coroutine[Any, Any, None] | Later | None:
        text = message if isinstance(message, str) else message.decode()
        kind = text.split()[0]
        if kind == "later" or kind == "stop":
            return Later(self._later(text))
        if kind == "fail":
            raise ValueError(text)
        if kind == "now":
            self.taken.append(text)
            return None
        return self._slowly(text)

    async def _later(self, text: str) -> bool:
        async with asyncio.timeout(5):  # needs a task
            await asyncio.sleep(0.001)
        self.taken.append(text)
        return text.startswith("stop")

    async def _slowly(self, text: str) -> None:
        if text.startswith("slow"):
            await asyncio.sleep(0.001)
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        if text.startswith("slowfail"):
            raise KeyError(text)
        self.taken.append(text)

    async def __call__(self, frames: Frames) -> None:
        try:
            self.end = await read_frames(frames, self.take)
        except (ValueError, KeyError) as error:
            self.end = error
        frames.send("over")


async def end_of(taker: Taker, messages: list[str], *, close: bool) -> None:
    with site(direct(taker)) as served:
        async with connect(served.ws) as socket:
            for message in messages:
                await socket.send(message)
            if close:
                await socket.close(4001, "bye")
            else:
                async with asyncio.timeout(5):
                    assert await socket.recv() == "over"
        assert await served.freed()


async def test_all_is_taken_in_its_order_whatever_it_waits_for() -> None:
    taker = Taker()
    kinds = ["now", "at-once", "slow", "later"]
    messages = [f"{kinds[at * 7 % 4]} {at}" for at in range(200)]
    await end_of(taker, messages, close=True)
    assert taker.taken == messages
    assert taker.end == Closed(4001, "bye")


@pytest.mark.parametrize(("code", "sent"), BROKEN.values(), ids=BROKEN)
async def test_what_breaks_the_protocol_ends_the_reading(code: int, sent: bytes) -> None:
    taker = Taker()
    with site(direct(taker), ws_max_size=MOST) as served:
        async with upgraded(served.port) as raw:
            for at in range(3):  # one by one
                raw.frame(TEXT, b"now %d" % at)
                raw.frame(PING, b"%d" % at)
                assert await raw.next() == (10, b"%d" % at)
            raw.writer.write(sent)
            raw.frame(TEXT, b"now behind")
            assert (await raw.next())[1][:2] == code.to_bytes(2, "big"), "and nothing between"
        assert await served.freed()
    assert taker.taken == ["now 0", "now 1", "now 2"]
    assert isinstance(taker.end, Closed)
    assert (taker.end.code, taker.end.ours) == (code, True)


async def test_a_message_in_parts_is_taken_once_it_is_whole() -> None:
    taker = Taker()
    with site(direct(taker)) as served:
        async with upgraded(served.port) as raw:
            raw.frame(TEXT, b"now 1", fin=False)
            raw.frame(PING, b"1")
            assert await raw.next() == (10, b"1")
            assert taker.taken == []
            raw.frame(0, b"2")
            raw.frame(PING, b"2")
            assert await raw.next() == (10, b"2")
            assert taker.taken == ["now 12"]
            raw.frame(TEXT, b"fail 3")
            assert await raw.next() == (TEXT, b"over")
        assert await served.freed()
    assert isinstance(taker.end, ValueError)


class Joiner:
    """Joins what comes together; at a message "slow" it waits."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self._held: list[str] = []
        self._frames: Frames

    def take(self, message: str | bytes) -> Coroutine[Any, Any, None] | None:
        text = message if isinstance(message, str) else message.decode()
        self._held.append(text)
        if text.startswith("slow"):
            return self._slowly()
        if not self._frames.has_more:
            self.over()
        return None

    def over(self) -> None:
        if self._held:
            self.taken.append("+".join(self._held))
            self._held.clear()

    async def _slowly(self) -> None:
        await asyncio.sleep(0.001)
        self.over()

    async def __call__(self, frames: Frames) -> None:
        self._frames = frames
        await read_frames(frames, self.take, self.over)
        self.taken.append("end")


@pytest.mark.parametrize(
    ("frames", "taken"),
    [
        ([(TEXT, b"1"), (TEXT, b"2"), (TEXT, b"3")], ["1+2+3"]),
        ([(TEXT, b"1"), (TEXT, b"2"), (PING, b"")], ["1+2"]),
        ([(PING, b""), (TEXT, b"1")], ["1"]),
        ([(TEXT, b"slow 1"), (TEXT, b"2"), (TEXT, b"3")], ["slow 1", "2+3"]),
        ([(TEXT, b"1"), (TEXT, b"slow 2"), (PING, b"")], ["1+slow 2"]),
        ([(TEXT, b"1"), (TEXT, b"2"), (CLOSE, b"")], ["1+2"]),
        ([(TEXT, b"1"), (TEXT, b"slow 2"), (TEXT, b"3"), (CLOSE, b"")], ["1+slow 2", "3"]),
    ],
)
async def test_what_comes_together_may_be_joined(
    frames: list[tuple[int, bytes]], taken: list[str]
) -> None:
    joiner = Joiner()
    with site(direct(joiner)) as served:
        async with upgraded(served.port) as raw:
            raw.together(*frames)
            raw.frame(PING, b"all")
            while frames[-1][0] != CLOSE and await raw.next() != (10, b"all"):
                pass
            await asyncio.sleep(0.05)
        assert await served.freed()
    assert joiner.taken == [*taken, "end"]


async def test_what_came_together_is_not_lost_where_the_last_breaks_the_protocol() -> None:
    joiner = Joiner()
    with site(direct(joiner)) as served:
        async with upgraded(served.port) as raw:
            raw.together((TEXT, b"1"), (TEXT, b"2"), (TEXT, b"3"), (TEXT, b"\xff"))
            assert (await raw.closed())[0] == 1007
        assert await served.freed()
    assert joiner.taken == ["1+2+3", "end"]


async def test_who_says_that_it_is_over_gets_nothing_more() -> None:
    taker = Taker()
    await end_of(taker, ["now 1", "stop 2", "now 3"], close=False)
    assert taker.taken == ["now 1", "stop 2"]
    assert taker.end is None


@pytest.mark.parametrize("failing", ["fail", "slowfail"])
async def test_what_is_raised_ends_the_reading(failing: str) -> None:
    taker = Taker()
    await end_of(taker, ["slow 1", f"{failing} 2", "now 3"], close=False)
    assert taker.taken == ["slow 1"]
    assert isinstance(taker.end, ValueError | KeyError)


async def test_who_stops_reading_gives_up_what_is_under_way() -> None:
    given_up = asyncio.Event()
    begun = asyncio.Event()

    async def forever() -> bool:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            given_up.set()
        return False

    async def stopped(frames: Frames) -> None:
        reading = asyncio.create_task(read_frames(frames, lambda _: Later(forever())))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        reading.cancel()
        await asyncio.wait([reading])
        await asyncio.sleep(0)
        frames.send("given up" if given_up.is_set() else "still there")

    with site(direct(stopped)) as served:
        async with connect(served.ws) as socket:
            await socket.send("x")
            assert await socket.recv() == "given up"
        assert await served.freed()


async def test_work_that_has_not_begun_when_reading_stops_is_closed() -> None:
    begun: list[str] = []

    async def work() -> bool:
        begun.append("work")
        return False

    async def stopped(frames: Frames) -> None:
        def take(_: str | bytes) -> Later:
            reading.cancel()
            return Later(work())

        reading = asyncio.create_task(read_frames(frames, take))
        await asyncio.sleep(0)  # what came before it reads would be taken in its first step
        frames.send("reads")
        await asyncio.wait([reading])
        frames.send("stopped")

    with site(direct(stopped)) as served:
        async with connect(served.ws) as socket:
            assert await socket.recv() == "reads"
            await socket.send("x")
            assert await socket.recv() == "stopped"
        assert await served.freed()
    assert not begun


async def test_who_is_over_still_answers_pings_and_drops_what_comes() -> None:
    async def over(frames: Frames) -> None:
        async def done() -> bool:
            return True

        assert await read_frames(frames, lambda _: Later(done())) is None
        frames.send("over")
        while frames.closed is None:
            await asyncio.sleep(0.001)

    with site(direct(over)) as served:
        async with asyncio.timeout(10), connect(served.ws) as socket:
            await socket.send("stop")
            assert await socket.recv() == "over"
            for _ in range(100):
                await socket.send("nobody wants this")
            await (await socket.ping())
        assert await served.freed()


async def test_work_that_is_cancelled_from_inside_does_not_hang_the_socket() -> None:
    ends: list[bool] = []

    async def cancelled(frames: Frames) -> None:
        async def doomed() -> bool:
            raise asyncio.CancelledError

        try:
            await read_frames(frames, lambda _: Later(doomed()))
        except asyncio.CancelledError:
            ends.append(True)
        frames.send("over")

    with site(direct(cancelled)) as served:
        async with asyncio.timeout(10), connect(served.ws) as socket:
            await socket.send("x")
            assert await socket.recv() == "over"
        assert await served.freed()
    assert ends == [True]
