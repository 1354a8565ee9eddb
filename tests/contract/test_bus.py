"""What every bus keeps to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from callscribe.bus.base import Bus, Subscription
from callscribe.bus.local import LocalBus
from callscribe.events import Event, InterimResult, Notice, SessionEnded

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[LocalBus])
def bus(request: pytest.FixtureRequest) -> Bus:
    make: Callable[[], Bus] = request.param
    return make()


def notice(seq: int, session_id: str = "call") -> Notice:
    return Notice(session_id=session_id, seq=seq, at=0.0, code="n", message=str(seq))


def interim(seq: int, speaker: str = "agent") -> InterimResult:
    return InterimResult(
        session_id="call",
        seq=seq,
        at=0.0,
        speaker=speaker,
        utterance_id="u",
        text=str(seq),
        start=0.0,
        end=1.0,
    )


def end(seq: int) -> SessionEnded:
    return SessionEnded(session_id="call", seq=seq, at=0.0)


async def collect(subscription: Subscription) -> list[int]:
    async with asyncio.timeout(5):
        return [event.seq async for event in subscription]


def test_it_satisfies_the_protocol(bus: Bus) -> None:
    assert isinstance(bus, Bus)
    assert isinstance(bus.subscribe("call"), Subscription)


async def test_a_listener_gets_the_past_then_the_present_then_the_end(bus: Bus) -> None:
    bus.publish(notice(1))
    bus.publish(interim(2))  # interims are not kept
    late = bus.subscribe("call")
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(collect(late))
        await asyncio.sleep(0)
        for event in (notice(3), interim(4), end(5)):
            bus.publish(event)
    assert listening.result() == [1, 3, 4, 5]


async def test_since_leaves_out_what_is_known(bus: Bus) -> None:
    events: list[Event] = [notice(1), notice(2), end(3)]
    for event in events:
        bus.publish(event)
    assert await collect(bus.subscribe("call", since=2)) == [3]
    assert [event.seq for event in bus.history("call", since=1)] == [2, 3]
    assert bus.history("call", since=3) == []


async def test_sessions_do_not_hear_each_other(bus: Bus) -> None:
    bus.publish(notice(1, "other"))
    assert bus.history("call") == []
    assert bus.history("unknown") == []


async def test_a_slow_listener_misses_interims_only_and_that_is_counted(bus: Bus) -> None:
    slow = bus.subscribe("call")
    for seq in range(1, 1001):
        bus.publish(notice(seq) if seq % 10 == 0 else interim(seq, f"speaker{seq % 2}"))
    bus.publish(end(1001))
    heard = await collect(slow)
    assert [seq for seq in heard if seq % 10 == 0] == list(range(10, 1001, 10))
    assert [seq for seq in heard if seq % 10] == [998, 999, 1001]  # one of each speaker, the end
    assert heard == sorted(heard)
    assert slow.missed == bus.missed == 898


async def test_one_slow_listener_costs_another_nothing(bus: Bus) -> None:
    slow, quick = bus.subscribe("call"), bus.subscribe("call")
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(collect(quick))
        for seq in range(1, 50):
            bus.publish(interim(seq))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        bus.publish(end(50))
    assert listening.result() == list(range(1, 51))
    assert (quick.missed, slow.missed) == (0, 48)


async def test_closing_ends_the_iteration(bus: Bus) -> None:
    one, two, three = (bus.subscribe("call") for _ in range(3))
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(collect(each)) for each in (one, two, three)]
        await asyncio.sleep(0)
        one.close()
        one.close()
        bus.forget("call")
        await bus.close()
        await bus.close()
    assert [task.result() for task in waiting] == [[], [], []]
    assert await collect(bus.subscribe("call")) == []


async def test_a_forgotten_session_has_no_past(bus: Bus) -> None:
    bus.publish(notice(1))
    bus.forget("call")
    bus.forget("call")
    assert bus.history("call") == []


class Hearer:
    """Hears events, those it is told to slowly; fails at one."""

    def __init__(self, *, slow: tuple[int, ...] = (), fails_at: int = -1) -> None:
        self.heard: list[int] = []
        self.go = asyncio.Event()
        self._slow = slow
        self._fails_at = fails_at

    def __call__(self, event: Event) -> Awaitable[None] | None:
        if event.seq == self._fails_at:
            raise ConnectionError("it is gone")
        if event.seq in self._slow:
            return self._later(event.seq)
        self.heard.append(event.seq)
        return None

    async def _later(self, seq: int) -> None:
        await self.go.wait()
        self.heard.append(seq)


async def test_who_waits_for_nothing_hears_in_the_moment_it_happens(bus: Bus) -> None:
    bus.publish(notice(1))
    hearer = Hearer()
    listening = asyncio.create_task(bus.subscribe("call").each(hearer))
    await asyncio.sleep(0)
    assert hearer.heard == [1]
    for event in (interim(2), notice(3), end(4)):
        bus.publish(event)
        assert hearer.heard[-1] == event.seq
    async with asyncio.timeout(5):
        await listening
    assert hearer.heard == [1, 2, 3, 4]


async def test_while_one_is_waited_for_the_others_wait_and_only_interims_make_room(
    bus: Bus,
) -> None:
    hearer = Hearer(slow=(1, 3, 9))
    bus.publish(notice(1))
    subscription = bus.subscribe("call")
    listening = asyncio.create_task(subscription.each(hearer))
    await asyncio.sleep(0)
    for event in (interim(2), notice(3), interim(4), notice(5), interim(6)):
        bus.publish(event)
    assert hearer.heard == []
    hearer.go.set()
    async with asyncio.timeout(5):
        while len(hearer.heard) < 4:
            await asyncio.sleep(0)
        assert hearer.heard == [1, 3, 5, 6]
        assert subscription.missed == 2
        bus.publish(notice(7))
        assert hearer.heard[-1] == 7
        hearer.go.clear()
        bus.publish(end(9))
        await asyncio.sleep(0.01)
        assert not listening.done()
        hearer.go.set()
        await listening
    assert hearer.heard == [1, 3, 5, 6, 7, 9]


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_what_a_hearer_raises_is_its_own(bus: Bus, at: int) -> None:
    bus.publish(notice(1))
    failing = asyncio.create_task(bus.subscribe("call").each(Hearer(fails_at=at)))
    hearer = Hearer()
    other = asyncio.create_task(bus.subscribe("call").each(hearer))
    await asyncio.sleep(0)
    bus.publish(notice(2))
    bus.publish(end(3))
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionError):
            await failing
        await other
    assert hearer.heard == [1, 2, 3]


async def test_who_is_cancelled_while_one_is_waited_for_leaves_nothing_behind(bus: Bus) -> None:
    hearer = Hearer(slow=(1,))
    listening = asyncio.create_task(bus.subscribe("call").each(hearer))
    await asyncio.sleep(0)
    bus.publish(notice(1))
    listening.cancel()
    await asyncio.wait([listening])
    bus.publish(notice(2))
    assert hearer.heard == []
