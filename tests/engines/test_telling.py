"""Callbacks are told in order, whatever they do, and may end what tells them."""

from __future__ import annotations

import asyncio

import pytest

from callscribe.engines import telling
from callscribe.engines.base import Audience, EngineEvent, SpeechBegan
from callscribe.engines.telling import EngineTeller
from callscribe.transcript import Result

pytestmark = pytest.mark.anyio


def interim(text: str) -> Result:
    return Result(text, 0.0, 1.0, is_final=False)


def final(text: str) -> Result:
    return Result(text, 0.0, 1.0, is_final=True)


class Slow:
    """A callback that waits until it is let go."""

    def __init__(self) -> None:
        self.heard: list[EngineEvent] = []
        self.go = asyncio.Event()

    async def __call__(self, event: EngineEvent) -> None:
        self.heard.append(event)
        await self.go.wait()


async def busy(slow: Slow, first: EngineEvent) -> EngineTeller:
    """A teller whose callback is at work on the first event."""
    teller = EngineTeller(slow, "s")
    teller.put(first)
    async with asyncio.timeout(5):
        while not slow.heard:
            await asyncio.sleep(0)
    return teller


async def test_a_plain_function_misses_nothing() -> None:
    heard: list[EngineEvent] = []
    teller = EngineTeller(heard.append, "s")
    events: list[EngineEvent] = [interim("a"), interim("b"), SpeechBegan(1.0), final("c")]
    for event in events:
        teller.put(event)
    await teller.close()
    assert heard == events


async def test_behind_a_slow_callback_all_keeps_its_order_and_old_interims_go() -> None:
    slow = Slow()
    teller = await busy(slow, interim("a"))
    for event in (interim("b"), interim("c"), final("d"), interim("e"), final("f"), final("g")):
        teller.put(event)
    slow.go.set()
    await teller.close()
    assert slow.heard == [interim("a"), final("d"), final("f"), final("g")]


async def test_who_brings_very_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_WAITING", 2)
    slow = Slow()
    teller = await busy(slow, final("a"))
    await teller.tell(final("b"))
    await teller.tell(final("c"))
    bringing = asyncio.ensure_future(teller.tell(final("d")))
    await asyncio.sleep(0.01)
    assert not bringing.done()
    slow.go.set()
    await bringing
    await teller.close()
    assert slow.heard == [final(text) for text in "abcd"]


async def test_what_a_callback_raises_is_counted() -> None:
    def raising(_: EngineEvent) -> None:
        raise RuntimeError("no")

    teller = EngineTeller(raising, "s")
    teller.put(final("a"))
    teller.put(final("b"))
    await teller.close()
    assert teller.errors == 2


async def test_a_callback_knows_that_it_is_inside_and_so_do_the_tasks_that_it_waits_for() -> None:
    seen: list[tuple[bool, bool]] = []
    later: list[asyncio.Task[bool]] = []

    async def ask() -> bool:
        return teller.is_inside

    async def callback(_: EngineEvent) -> None:
        (inner,) = await asyncio.gather(ask())
        seen.append((teller.is_inside, inner))
        later.append(asyncio.create_task(ask()))

    teller = EngineTeller(callback, "s")
    teller.put(final("a"))
    await teller.close()
    assert seen == [(True, True)]
    assert not await later[0]  # it can wait: the callback does not wait for it
    assert not teller.is_inside


async def test_a_callback_that_never_returns_is_given_up() -> None:
    slow = Slow()
    teller = await busy(slow, final("a"))
    teller.put(final("b"))
    async with asyncio.timeout(5):
        await teller.close(0.05)
    assert slow.heard == [final("a")]
    assert teller.errors == 1


async def test_a_slow_one_that_comes_forward_is_not() -> None:
    heard: list[EngineEvent] = []

    async def slow(event: EngineEvent) -> None:
        await asyncio.sleep(0.05)
        heard.append(event)

    teller = EngineTeller(slow, "s")
    for text in "abcdefgh":
        teller.put(final(text))
    await teller.close(0.3)
    assert heard == [final(text) for text in "abcdefgh"]
    assert teller.errors == 0


async def test_a_mark_is_reached_behind_what_was_put_before_it() -> None:
    """However slow the callback is, and however many marks and interims wait."""
    go, told = asyncio.Event(), []

    async def slow(event: EngineEvent) -> None:
        await go.wait()
        told.append(event)

    teller = EngineTeller(slow, "s")
    teller.mark(1.0)
    teller.put(interim("one"))
    await asyncio.sleep(0.01)
    assert teller.reached == 1.0
    for number in range(50):
        teller.put(interim(f"later {number}"))
        teller.mark(2.0 + number)
    assert teller.reached == 1.0
    go.set()
    await teller.close()
    assert teller.reached == 51.0
    assert told == [interim("one"), interim("later 49")]


async def test_a_teller_that_is_silenced_tells_nothing_more() -> None:
    slow = Slow()
    teller = await busy(slow, final("a"))
    teller.put(final("b"))
    teller.silence()
    teller.put(final("c"))
    teller.mark(1.0)
    slow.go.set()
    await teller.close()
    await teller.call(final("d"))
    assert slow.heard == [final("a")]
    assert teller.errors == 0


def telling_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "telling-s"]


async def test_there_is_a_task_only_while_something_waits() -> None:
    heard: list[EngineEvent] = []

    async def later(event: EngineEvent) -> None:
        await asyncio.sleep(0)
        heard.append(event)

    def callback(event: EngineEvent) -> object:
        return later(event) if event == final("b") else heard.append(event)

    teller = EngineTeller(callback, "s")  # type: ignore[arg-type]
    for _ in range(2):
        teller.put(final("a"))
        assert not telling_tasks()
        teller.put(final("b"))
        teller.put(final("c"))
        assert telling_tasks() == ["telling-s"]
        async with asyncio.timeout(5):
            while telling_tasks():
                await asyncio.sleep(0)
    teller.end()
    teller.put(final("too late"))
    await teller.close()
    assert heard == [final(text) for text in "abcabc"]


async def test_a_callback_that_waits_for_what_was_cancelled_has_failed_and_no_more() -> None:
    heard: list[EngineEvent] = []

    async def callback(event: EngineEvent) -> None:
        if event == final("a"):
            gone = asyncio.ensure_future(asyncio.sleep(10))
            gone.cancel()
            await gone
        heard.append(event)

    teller = EngineTeller(callback, "s")
    teller.put(final("a"))
    teller.put(final("b"))
    await teller.close()
    assert heard == [final("b")]
    assert teller.errors == 1


class Shows:
    """A callback that is shown interims, but for those that begin with a question mark."""

    def __init__(self) -> None:
        self.heard: list[EngineEvent] = []
        self.shown: list[str] = []
        self.go = asyncio.Event()
        self.teller = EngineTeller(Audience(self.hear, self.show), "s")

    def hear(self, event: EngineEvent) -> asyncio.Future[None] | None:
        self.heard.append(event)
        return asyncio.ensure_future(self._wait()) if self.go.is_set() else None

    async def _wait(self) -> None:
        while self.go.is_set():
            await asyncio.sleep(0)

    def show(self, result: Result) -> bool:
        if result.text == "error":
            raise RuntimeError
        self.shown.append(result.text)
        return result.text.startswith("?")


async def test_interims_are_shown_and_all_else_is_heard() -> None:
    shows = Shows()
    for event in (interim("a"), final("b"), SpeechBegan(1.0), interim("?"), interim("c")):
        assert not shows.teller.put(event)
    await shows.teller.close()
    assert shows.shown == ["a", "?", "c"]
    assert shows.heard == [final("b"), SpeechBegan(1.0), interim("?")]
    shows.teller.put(interim("d"))
    assert shows.shown == ["a", "?", "c"], "nothing is told behind the end"


async def test_what_stands_in_line_is_heard_in_its_order() -> None:
    shows = Shows()
    shows.go.set()
    shows.teller.put(final("a"))
    for event in (interim("b"), final("c"), interim("d")):
        shows.teller.put(event)
    shows.go.clear()
    await shows.teller.close()
    assert shows.heard == [final("a"), final("c"), interim("d")]
    assert not shows.shown


async def test_an_error_while_showing_is_counted_and_ends_nothing() -> None:
    shows = Shows()
    shows.teller.put(interim("error"))
    shows.teller.put(interim("a"))
    assert shows.teller.errors == 1
    assert shows.shown == ["a"]
    assert not shows.heard
