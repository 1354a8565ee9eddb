"""Who gets a slot, and when it is free again."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from callscribe.engines.base import BudgetUse
from callscribe.engines.deepgram.budget import Budget
from callscribe.errors import CapacityError

pytestmark = pytest.mark.anyio


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Taker:
    """Somebody who wants a slot, and keeps it until told to give it back."""

    def __init__(self, budget: Budget) -> None:
        self.told: list[CapacityError] = []
        self.has = False
        self._enough = asyncio.Event()
        self.task = asyncio.create_task(self._take(budget))

    async def _take(self, budget: Budget) -> None:
        async with budget.slot(self.told.append):
            self.has = True
            await self._enough.wait()
        self.has = False

    async def give_back(self) -> None:
        self._enough.set()
        await self.task


async def test_who_came_first_is_first() -> None:
    budget = Budget("streams", 2)
    takers = [Taker(budget) for _ in range(5)]
    await settle()
    assert [taker.has for taker in takers] == [True, True, False, False, False]
    assert budget.use == BudgetUse("streams", 2, 2, 3)
    assert [len(taker.told) for taker in takers] == [0, 0, 1, 1, 1]
    assert (takers[2].told[0].code, takers[2].told[0].retryable) == ("deepgram_budget", True)
    await takers[1].give_back()
    takers.append(Taker(budget))  # comes when one is about to be free, and still is last
    await settle()
    assert [taker.has for taker in takers] == [True, False, True, False, False, False]
    takers[3].task.cancel()  # its call is over
    await takers[0].give_back()
    await settle()
    assert [taker.has for taker in takers] == [False, False, True, False, True, False]
    for taker in (takers[2], takers[4], takers[5]):
        await taker.give_back()
    assert budget.use == BudgetUse("streams", 0, 2, 0)


async def test_who_is_cancelled_in_the_moment_of_their_turn_passes_it_on() -> None:
    budget = Budget("streams", 1)
    first, second, third = (Taker(budget) for _ in range(3))
    await settle()
    first._enough.set()
    while first.has:
        await asyncio.sleep(0)
    second.task.cancel()
    await settle()
    assert third.has
    await third.give_back()
    assert budget.use.used == 0


async def test_who_does_not_want_to_wait_is_told_so() -> None:
    budget = Budget("requests", 1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(budget.slot(None))
        with pytest.raises(CapacityError, match="all 1 Deepgram requests"):
            await stack.enter_async_context(budget.slot(None))
        told: list[CapacityError] = []
        with pytest.raises(CapacityError):
            await stack.enter_async_context(budget.slot(told.append, 0.01))
        assert len(told) == 1
        assert budget.use == BudgetUse("requests", 1, 1, 0)
    assert budget.use.used == 0


async def test_without_a_limit_it_only_counts() -> None:
    budget = Budget("streams", 0)
    async with AsyncExitStack() as stack:
        for _ in range(500):
            await stack.enter_async_context(budget.slot(None))
        assert budget.use == BudgetUse("streams", 500, 0, 0)
    assert budget.use.used == 0
