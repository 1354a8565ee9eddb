"""Which sessions have a worker, and which wait."""

from __future__ import annotations

import asyncio

import pytest

from callscribe.agents.lane import Lane, Turns
from tests.agents.working import eventually

pytestmark = pytest.mark.anyio


class Desk:
    """Work that waits until it is let go."""

    def __init__(self, **options: int) -> None:
        self.begun: list[str] = []
        self.go = asyncio.Event()
        self.behind: list[list[str]] = []
        self.refills = 0
        self.lane = Lane(self.work, self.refill, **{"workers": 2, **options})

    async def work(self, session_id: str) -> None:
        self.begun.append(session_id)
        await self.go.wait()

    async def refill(self) -> list[str]:
        self.refills += 1
        return self.behind.pop(0) if self.behind else []


async def test_the_loop_has_its_turn_between_two_that_begin() -> None:
    order: list[str] = []
    turns = Turns()
    for name in "abc":
        turns.add(lambda name=name: order.append(name))  # type: ignore[misc]
    for _ in range(3):
        await asyncio.sleep(0)
        order.append("loop")
    assert order == ["a", "loop", "b", "loop", "c", "loop"]
    turns.add(lambda: order.append("d"))
    await asyncio.sleep(0)
    assert order[-1] == "d"


async def test_who_is_closed_before_its_turn_begins_nothing() -> None:
    desk = Desk()
    desk.lane.notice("a")
    await desk.lane.close(0)
    assert not desk.begun


async def test_a_bounded_number_works_and_the_others_wait_in_order() -> None:
    desk = Desk()
    for session_id in "abcd":
        desk.lane.notice(session_id)
    await asyncio.sleep(0.01)
    assert (desk.begun, desk.lane.running, desk.lane.waiting) == (["a", "b"], 2, 2)
    desk.go.set()
    await eventually(lambda: not desk.lane.running)
    assert desk.begun == ["a", "b", "c", "d"]
    await desk.lane.close(1)


async def test_a_session_has_one_worker_and_what_comes_meanwhile_is_not_forgotten() -> None:
    desk = Desk()
    desk.lane.notice("a")
    await asyncio.sleep(0.01)
    desk.lane.notice("a")
    desk.lane.notice("a")
    await asyncio.sleep(0)
    assert desk.begun == ["a"]
    desk.go.set()
    await eventually(lambda: not desk.lane.running)
    assert desk.begun == ["a", "a"]


async def test_what_is_too_much_to_remember_is_found_in_the_store() -> None:
    desk = Desk(workers=1, remembered=2)
    desk.behind = [["d", "e", "f"], ["f"]]
    for session_id in "abcdef":
        desk.lane.notice(session_id)
    assert desk.lane.waiting <= 2
    desk.go.set()
    await eventually(lambda: "f" in desk.begun and not desk.lane.running)
    assert set(desk.begun) == set("abcdef")
    assert desk.refills in (1, 2)


async def test_looking_finds_what_is_behind() -> None:
    desk = Desk()
    desk.behind = [["a"]]
    desk.lane.look()
    desk.go.set()
    await eventually(lambda: desk.begun == ["a"])


async def test_it_is_known_what_has_something_to_do_and_who_rests() -> None:
    desk = Desk(workers=1)
    rested: list[tuple[str, bool]] = []
    desk.lane = Lane(
        desk.work, desk.refill, lambda name: rested.append((name, desk.lane.has(name))), workers=1
    )
    for session_id in "ab":
        desk.lane.notice(session_id)
    assert [desk.lane.has(session_id) for session_id in "abc"] == [True, True, False]
    desk.lane.notice("a")
    desk.go.set()
    await eventually(lambda: len(rested) == 3)
    assert rested == [("a", True), ("b", False), ("a", False)]
    desk.lane.look()
    assert desk.lane.has("c")  # the store was not asked yet
    await eventually(lambda: not desk.lane.has("c"))


async def test_closing_waits_then_cancels_and_begins_nothing() -> None:
    desk = Desk(workers=1)
    desk.lane.notice("a")
    desk.lane.notice("b")
    await asyncio.sleep(0)
    await desk.lane.close(0.01)
    assert (desk.begun, desk.lane.running) == (["a"], 0)
    desk.lane.notice("c")
    assert desk.lane.running == 0
    await desk.lane.close(0.01)
