"""What is done at the end of a turn of the event loop: when, in which order, and once."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from structlog.testing import capture_logs

from callscribe.tick import Tick, tick

pytestmark = pytest.mark.anyio


async def test_all_is_told_before_anything_is_sent_and_both_in_their_order() -> None:
    now = tick()
    seen: list[object] = []
    send = lambda *given: seen.append(given)  # noqa: E731
    asyncio.get_running_loop().call_soon(seen.append, "before")
    now.send(send, "send", 1)
    now.tell(lambda: seen.append("tell 1"))
    now.send(send, "send", 2)
    now.tell(lambda: (seen.append("tell 2"), now.send(send, "send", 3)))
    asyncio.get_running_loop().call_soon(seen.append, "behind")
    assert not seen
    await asyncio.sleep(0)
    told = ["tell 1", "tell 2", ("send", 1), ("send", 2), ("send", 3)]
    assert seen == ["before", *told, "behind"]
    await asyncio.sleep(0.01)
    assert seen == ["before", *told, "behind"], "once"


async def test_what_must_not_be_overtaken_is_sent_at_once_and_once() -> None:
    now = tick()
    seen: list[object] = []
    now.tell(lambda: seen.append("told"))
    now.send(lambda *given: seen.append(given), 1, b"1")
    before = now.sent
    now.send_now()
    assert seen == [(1, b"1")]
    assert now.sent > before
    now.send(lambda *given: seen.append(given), 2, b"2")
    await asyncio.sleep(0)
    assert seen == [(1, b"1"), "told", (2, b"2")]


async def test_what_comes_while_it_is_sent_has_the_next_turn() -> None:
    now = tick()
    seen: list[str] = []
    now.send(lambda *_: now.tell(lambda: seen.append("later")), 0, 0)
    now.tell(lambda: now.tell(lambda: seen.append("later still")))
    await asyncio.sleep(0)
    assert not seen
    await asyncio.sleep(0)
    assert seen == ["later still", "later"]
    now.tell(lambda: seen.append("again"))
    await asyncio.sleep(0)
    assert seen[-1] == "again"


@pytest.mark.parametrize("error", [RuntimeError("no"), asyncio.CancelledError()])
async def test_what_raises_holds_up_nothing_else(error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    now = tick()
    seen: list[object] = []
    for _ in range(2):
        now.tell(fail)
        now.send(fail, 0, 0)
        now.tell(lambda: seen.append("told"))
        now.send(lambda what, _: seen.append(what), "sent", 0)
        with capture_logs() as logs:
            await asyncio.sleep(0)
        assert [line["event"] for line in logs] == ["not_told", "not_sent"]
    assert seen == ["told", "sent"] * 2


def test_each_event_loop_has_one_of_its_own_and_takes_it_along() -> None:
    async def look() -> Tick:
        assert tick() is tick()
        return tick()

    class Loop(asyncio.SelectorEventLoop):
        """One of which is known when it is gone."""

    loops = [Loop(), Loop()]
    first, second = (loop.run_until_complete(look()) for loop in loops)
    assert first is not second
    gone = [weakref.ref(loop) for loop in loops]
    for loop in loops:
        loop.close()
    del loop, loops
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
