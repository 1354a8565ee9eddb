"""``asyncio.Event`` for places of which there are many: it has no queue while nobody waits.

Imports nothing of ours. For the event loop's thread alone.
"""

from __future__ import annotations

import asyncio


class Flag:
    """Something that has happened, or has not yet; the methods are those of ``asyncio.Event``."""

    __slots__ = ("__weakref__", "_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """It has happened: whoever waits goes on."""
        if self._is_set:
            return
        self._is_set = True
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def clear(self) -> None:
        """It is to be waited for again."""
        self._is_set = False

    async def wait(self) -> None:
        """Waits until it happens; what is cleared meanwhile has happened all the same."""
        if self._is_set:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        finally:
            self._waiting.remove(waiting)
