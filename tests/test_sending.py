"""Frames that leave at the end of the turn: none is lost, and nothing overtakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picows import WSMsgType
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callscribe.frames import Frames
from callscribe.sending import COPIED, HEADER
from tests.socket_serving import LOOPS, before_long, direct, site, upgraded

pytestmark = pytest.mark.anyio

CONTINUATION, TEXT, BINARY, CLOSE = 0, 1, 2, 8

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
    taken: list[bool] = []

    def act(frames: Frames) -> None:
        taken.append(frames.take(b"1"))
        taken.append(frames.take_text(b"2"))
        frames.send("3")
        taken.append(frames.take(b"4"))
        frames.send(b"5")
        taken.append(frames.take_text("6 \u00e9".encode()))
        frames.close(4000, "done")
        taken.append(frames.take(b"7"))

    assert await heard_of(act, loop) == ([b"1", "2", "3", b"4", b"5", "6 \u00e9"], 4000)
    assert taken == [True] * 4 + [False], "it is closed"


async def test_nothing_is_sent_before_the_end_of_the_turn_and_a_hanging_up_waits_for_it() -> None:
    order: list[object] = []

    def act(frames: Frames) -> None:
        transport = frames._transport
        assert transport is not None
        send, frames._send = frames._send, lambda *what: (order.append(what), send(*what))  # type: ignore[assignment,func-returns-value]
        frames.take(b"1")
        order.append("the turn")
        frames.hang_up()
        order.append("hung up")

    heard, _ = await heard_of(act)
    assert heard == [b"1"]
    assert order == ["the turn", (WSMsgType.BINARY, b"1"), "hung up"]


@pytest.mark.parametrize("loop", LOOPS)
async def test_what_is_taken_leaves_by_itself(loop: str) -> None:
    too_much: list[bool] = []

    async def serve(frames: Frames) -> None:
        frames.take(b"1")
        too_much.append(frames.take(bytes(COPIED + 1)))
        await frames.receive()
        frames.close(4000)

    with site(direct(serve), loop) as served:
        async with connect(served.ws) as socket, asyncio.timeout(10):
            assert await socket.recv() == b"1"
            await socket.send("thanks")
            assert await _all(socket) == []
            assert socket.close_code == 4000
    assert too_much == [False]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("end", "code"),
    [((CLOSE, (1000).to_bytes(2, "big")), 1000), ((CONTINUATION, b"of nothing"), 1002)],
    ids=["closes", "breaks the protocol"],
)
async def test_what_was_taken_before_the_end_was_read_is_sent_before_it_is_answered(
    loop: str, end: tuple[int, bytes], code: int
) -> None:
    async def serve(frames: Frames) -> None:
        frames.hear(lambda message: message == "ask" and frames.take(b"answer"))  # type: ignore[arg-type,return-value]
        while frames.closed is None:
            await asyncio.sleep(0.001)

    with site(direct(serve), loop) as served:
        async with upgraded(served.port) as raw:
            raw.together((TEXT, b"ask"), end)
            assert await raw.next() == (BINARY, b"answer")
            assert (await raw.closed())[0] == code


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("size", [0, 1000])
@pytest.mark.parametrize("how", ["take", "take_text"])
async def test_no_more_is_taken_in_a_turn_than_the_client_takes_but_for_a_little(
    loop: str, size: int, how: str
) -> None:
    taken: list[int] = []
    waiting: list[int] = []

    async def serve(frames: Frames) -> None:
        while getattr(frames, how)(b"x" * size) and len(taken) < 2_000_000:
            taken.append(size)
        assert frames._transport is not None
        waiting.append(frames._transport.underlying_transport.get_write_buffer_size())
        await frames.receive()

    with site(direct(serve), loop) as served:
        async with upgraded(served.port, small=True) as raw:
            assert await before_long(lambda: bool(waiting))
            assert len(taken) < 2_000_000
            assert 0 < waiting[0] <= COPIED + HEADER
            kind = BINARY if how == "take" else TEXT
            for given in taken if size else taken[:100]:
                assert await raw.next() == (kind, b"x" * given)


async def test_what_is_sent_behind_a_lot_comes_behind_it() -> None:
    many = [bytes([number]) * 1000 for number in range(9)]

    def act(frames: Frames) -> None:
        for one in many:
            frames.take(one)
        frames.send("last")
        frames.close(4000)

    heard, _ = await heard_of(act)
    assert heard == [*many, "last"]


async def test_nothing_is_taken_for_who_is_gone() -> None:
    ended: list[bool] = []

    async def serve(frames: Frames) -> None:
        frames.take(b"1")
        frames.abort()
        while frames.closed is None:
            await asyncio.sleep(0.001)
        ended.append(frames.take(b"2"))

    with site(direct(serve)) as served:
        async with connect(served.ws) as socket:
            await _all(socket)
        assert await before_long(lambda: bool(ended))
        assert await served.freed()
    assert ended == [False]


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
