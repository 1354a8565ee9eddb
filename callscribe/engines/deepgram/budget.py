"""How much of Deepgram this process uses at once; who comes later waits for their turn.

Deepgram counts streams and requests per project and refuses those above its limit. May import
``engines.base`` and ``errors``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callscribe.engines.base import BudgetUse, OnFull
from callscribe.errors import CapacityError


class Budget:
    """At most ``most`` of something at once, 0 for no limit; first come, first served."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._slots = asyncio.Semaphore(most) if most else None
        self._used = 0
        self._waiting = 0

    @property
    def use(self) -> BudgetUse:
        """What is taken, and who waits, now."""
        return BudgetUse(self._name, self._used, self._most, self._waiting)

    @asynccontextmanager
    async def slot(
        self, on_full: OnFull | None, patience: float | None = None
    ) -> AsyncIterator[None]:
        """One of them, as long as the block lasts.

        Where none is free ``on_full`` is called, and then waited for the turn, at most ``patience``
        seconds; without it, and then, ``CapacityError`` is raised.
        """
        await self._take(on_full, patience)
        self._used += 1
        try:
            yield
        finally:
            self._used -= 1
            if self._slots is not None:
                self._slots.release()

    async def _take(self, on_full: OnFull | None, patience: float | None) -> None:
        if self._slots is None:
            return
        if not self._slots.locked():
            await self._slots.acquire()  # at once
            return
        full = CapacityError(
            f"all {self._most} Deepgram {self._name} of this server are taken; the next one begins "
            "when one of them has ended",
            code="deepgram_budget",
        )
        if on_full is None:
            raise full
        on_full(full)
        self._waiting += 1
        try:
            async with asyncio.timeout(patience):
                await self._slots.acquire()
        except TimeoutError:
            raise full from None
        finally:
            self._waiting -= 1
