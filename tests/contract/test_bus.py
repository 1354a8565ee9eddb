"""What every bus keeps to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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
