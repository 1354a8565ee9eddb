"""Cursors: noted at once, written together, never lost but by a crash."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from callscribe.agents.attempt import Retries
from callscribe.agents.cursors import Cursors
from callscribe.agents.patience import Patience
from callscribe.errors import StoreError
from tests.agents.keeping import Kept
from tests.agents.working import Work, eventually

pytestmark = pytest.mark.anyio


class Rig:
    def __init__(self, store: Kept, every: float = 60) -> None:
        self.store = store
        self.gone: list[str] = []
        self.patience = Patience(Retries(attempts=3, first=0.001, longest=0.002))
        self.cursors = Cursors(store, self.patience, self.gone.append, every)

    @property
    def written(self) -> int:
        return self.store.calls_made.count("advance_all")


@pytest.fixture
async def calls(store: Kept) -> Kept:
    for name in ("call", "other"):
        await Work(store, []).begin(name)
    return store


async def test_many_are_written_together_after_a_while(calls: Kept) -> None:
    rig = Rig(calls, every=0.05)
    for seq in range(1, 9):
        rig.cursors.move("a", "call", seq)
        rig.cursors.move("b", "other", seq + 1)
    assert not rig.written
    await eventually(lambda: calls.cursors == {("a", "call"): 8, ("b", "other"): 9})
    assert rig.written == 1
    rig.cursors.move("a", "call", 10)
    await eventually(lambda: calls.cursors["a", "call"] == 10)
    await rig.cursors.close(1)


async def test_what_moves_just_when_all_was_written_is_written_too(calls: Kept) -> None:
    rig = Rig(calls, every=0.001)
    for seq in range(1, 40):
        rig.cursors.move("a", "call", seq)
        writer = rig.cursors._writer
        assert writer is not None
        while not writer.done():
            await asyncio.sleep(0)
    await eventually(lambda: calls.cursors == {("a", "call"): 39})
    await rig.cursors.close(1)


async def test_who_asks_where_an_agent_is_hears_of_all_that_it_did(calls: Kept) -> None:
    rig = Rig(calls)
    assert await rig.cursors.read("a", "call") == 0
    assert not rig.written, "there was nothing to write"
    rig.cursors.move("a", "call", 4)
    assert await rig.cursors.read("b", "call") == 0
    assert not rig.written, "it is another agent's"
    assert await rig.cursors.read("a", "call") == 4
    assert calls.cursors == {("a", "call"): 4}
    rig.cursors.move("a", "call", 7)
    writing = asyncio.ensure_future(rig.cursors.write())
    await asyncio.sleep(0)
    assert await rig.cursors.read("a", "call") == 7
    await writing
    await rig.cursors.close(1)


async def test_many_who_wait_at_once_share_a_transaction(calls: Kept) -> None:
    rig = Rig(calls)

    async def work(agent: str) -> None:
        rig.cursors.move(agent, "call", 3)
        await rig.cursors.write()
        assert calls.cursors[agent, "call"] == 3

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(work(str(number)))
    assert rig.written <= 3
    await rig.cursors.close(1)


async def test_what_could_not_be_written_is_written_later_and_never_goes_back(calls: Kept) -> None:
    rig = Rig(calls)
    rig.cursors.move("a", "call", 3)
    rig.cursors.move("b", "call", 3)
    calls.read_only = True
    failing = asyncio.ensure_future(rig.cursors.write())
    await asyncio.sleep(0)
    rig.cursors.move("a", "call", 5)
    with pytest.raises(StoreError):
        await failing
    calls.read_only = False
    await rig.cursors.write()
    assert calls.cursors == {("a", "call"): 5, ("b", "call"): 3}
    await rig.cursors.close(1)


async def test_while_the_store_is_away_it_tries_again_by_itself(calls: Kept) -> None:
    rig = Rig(calls, every=0.001)
    calls.read_only = True
    with capture_logs() as logs:
        rig.cursors.move("a", "call", 3)
        await eventually(lambda: rig.written > 2)
        calls.read_only = False
        await eventually(lambda: calls.cursors == {("a", "call"): 3})
    assert {log["event"] for log in logs} == {"agent_waits_for_store"}
    await rig.cursors.close(1)


async def test_closing_writes_what_is_due_without_waiting_for_its_time(calls: Kept) -> None:
    rig = Rig(calls)
    rig.cursors.move("a", "call", 3)
    rig.patience.over.set()
    async with asyncio.timeout(10):
        await rig.cursors.close(5)
    assert calls.cursors == {("a", "call"): 3}
    await rig.cursors.close(5)


async def test_closing_does_not_wait_for_a_store_that_is_away(calls: Kept) -> None:
    rig = Rig(calls)
    calls.read_only = True
    rig.cursors.move("a", "call", 3)
    rig.patience.over.set()
    async with asyncio.timeout(10):
        await rig.cursors.close(60)
    assert (rig.written, calls.cursors) == (1, {})


async def test_calls_that_are_gone_are_said(calls: Kept) -> None:
    rig = Rig(calls)
    await calls.delete("other")
    rig.cursors.move("a", "call", 3)
    rig.cursors.move("a", "other", 3)
    await rig.cursors.write()
    assert (rig.gone, calls.cursors) == (["other"], {("a", "call"): 3})
    await rig.cursors.close(1)
