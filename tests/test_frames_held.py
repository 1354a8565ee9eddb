"""Frames that leave at the end of the turn: none is lost, and nothing overtakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callscribe.frames import COPIED, Frames
from tests.socket_serving import LOOPS, direct, site

pytestmark = pytest.mark.anyio

Act = Callable[[Frames], object]


async def heard_of(act: Act, loop: str = "uvloop") -> tuple[list[str | bytes], int | None]:
    """What a client hears of what is done within one turn, and the code of the end."""

    async def serve(frames: Frames) -> None:
        act(frames)
        while frames.closed is None:
            await asyncio.sleep(0.001)

    with site(direct(serve), loop) as served:
        async with connect(served.ws) as socket:
            return await _all(socket), socket.close_code


async def _all(socket: ClientConnection) -> list[str | bytes]:
    heard: list[str | bytes] = []
    try:
        async with asyncio.timeout(10):
            while True:
                heard.append(await socket.recv())
    except ConnectionClosed:
        return heard


@pytest.mark.parametrize("loop", LOOPS)
async def test_what_is_taken_comes_before_what_is_sent_behind_it(loop: str) -> None:
    def act(frames: Frames) -> None:
        assert frames.take(b"1")
        assert frames.take_text(b"2")
        frames.send("3")
        assert frames.take(b"4")
        frames.send(b"5")
        assert frames.take_text("6 é".encode())
        frames.close(4000, "done")
        assert not frames.take(b"7"), "it is closed"

    assert await heard_of(act, loop) == ([b"1", "2", "3", b"4", b"5", "6 é"], 4000)


async def test_what_is_taken_leaves_before_a_hanging_up() -> None:
    def act(frames: Frames) -> None:
        assert frames.take(b"1")
        frames.hang_up()

    heard, _ = await heard_of(act)
    assert heard == [b"1"]


async def test_what_is_taken_leaves_by_itself() -> None:
    def act(frames: Frames) -> None:
        assert frames.take(b"1")
        assert not frames.take(bytes(COPIED + 1)), "too much to be copied"
        asyncio.get_running_loop().call_later(0.05, frames.close, 4000)

    assert await heard_of(act) == ([b"1"], 4000)


async def test_nothing_is_sent_to_who_is_gone_by_the_end_of_the_turn() -> None:
    ended = asyncio.Event()

    async def serve(frames: Frames) -> None:
        assert frames.take(b"1")
        frames.abort()
        await asyncio.sleep(0.05)
        assert not frames.take(b"2")
        assert frames.closed is not None
        loop.call_soon_threadsafe(ended.set)

    loop = asyncio.get_running_loop()
    with site(direct(serve)) as served:
        async with connect(served.ws) as socket:
            await _all(socket)
        async with asyncio.timeout(10):
            await ended.wait()
        assert await served.freed()


acts = st.lists(st.sampled_from(["take", "take_text", "send", "turn"]), max_size=60)


@given(acts)
@settings(max_examples=25, deadline=None)
def test_all_comes_in_the_order_in_which_it_was_given(given: list[str]) -> None:
    wanted = [str(number) for number, what in enumerate(given) if what != "turn"]

    async def serve(frames: Frames) -> None:
        for number, what in enumerate(given):
            text = str(number)
            if what == "turn":
                await asyncio.sleep(0)
            elif what == "send" or not getattr(frames, what)(text.encode()):
                frames.send(text)
        frames.close(4000)

    async def run() -> None:
        with site(direct(serve)) as served:
            async with connect(served.ws) as socket:
                heard = await _all(socket)
        assert [text if isinstance(text, str) else text.decode() for text in heard] == wanted

    asyncio.run(run())
