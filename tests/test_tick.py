"""What is done at the end of a turn of the event loop: when, in which order, and once."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar

import pytest
from structlog.testing import capture_logs

from callscribe.tick import Tick, tick

pytestmark = pytest.mark.anyio


async def test_what_is_given_is_sent_then_told_then_what_that_sends_is_sent() -> None:
    now = tick()
    seen: list[object] = []

    def send(*given: object) -> None:
        seen.append(given)

    asyncio.get_running_loop().call_soon(seen.append, "before")
    now.tell(lambda: seen.append("tell 1"))
    now.send(send, "send", 1)
    now.send(send, "send", 2)
    now.tell(lambda: (seen.append("tell 2"), now.send(send, "send", 3)))
    asyncio.get_running_loop().call_soon(seen.append, "behind")
    assert not seen
    await asyncio.sleep(0)
    told = [("send", 1), ("send", 2), "tell 1", "tell 2", ("send", 3)]
    assert seen == ["before", *told, "behind"]
    await asyncio.sleep(0.01)
    assert seen == ["before", *told, "behind"], "once"


async def test_what_must_not_be_overtaken_is_sent_at_once_and_once() -> None:
    now = tick()
    seen: list[object] = []
    now.tell(lambda: seen.append("told"))
    now.send(lambda *given: seen.append(given), 1, b"1")
    before = now.sendings
    now.send_now()
    assert seen == [(1, b"1")]
    assert now.sendings > before
    now.send(lambda *given: seen.append(given), 2, b"2")
    await asyncio.sleep(0)
    assert seen == [(1, b"1"), (2, b"2"), "told"]


async def test_what_is_to_be_told_by_what_is_told_has_the_next_turn() -> None:
    now = tick()
    seen: list[str] = []
    now.tell(lambda: now.tell(lambda: seen.append("later")))
    now.tell(lambda: now.tell(lambda: seen.append("later still")))
    await asyncio.sleep(0)
    assert not seen
    await asyncio.sleep(0)
    assert seen == ["later", "later still"]
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
        assert [line["event"] for line in logs] == ["not_sent", "not_told"]
    assert seen == ["sent", "told"] * 2


def test_an_exit_in_the_middle_loses_nothing_that_was_given() -> None:
    loop = asyncio.SelectorEventLoop()
    seen: list[object] = []

    def leave(*_: object) -> None:
        raise SystemExit

    async def give() -> None:
        tick().send(leave, 0, 0)
        tick().send(lambda *given: seen.append(given), 1, 2)
        tick().tell(lambda: seen.append("told"))
        await asyncio.sleep(0.01)

    async def rest() -> None:
        await asyncio.sleep(0.01)

    with pytest.raises(SystemExit):
        loop.run_until_complete(give())
    assert not seen
    loop.run_until_complete(rest())
    assert seen == [(1, 2), "told"]
    loop.close()


async def test_what_is_given_in_another_thread_is_refused_and_harms_nobody() -> None:
    now = tick()
    seen: list[object] = []
    with pytest.raises(RuntimeError):
        await asyncio.to_thread(now.send, lambda *given: seen.append(given), 1, 2)
    now.send(lambda *given: seen.append(given), 3, 4)
    await asyncio.sleep(0)
    assert seen == [(3, 4)]


async def test_nothing_runs_in_the_context_of_who_was_first() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    seen: list[str] = []
    now = tick()
    for name in ("mine", "yours"):
        whose.set(name)
        now.tell(lambda: seen.append(whose.get()))
    now.tell(lambda: whose.set("the turn's"))
    await asyncio.sleep(0)
    now.tell(lambda: seen.append(whose.get()))
    await asyncio.sleep(0)
    assert seen == ["nobody's"] * 3


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
