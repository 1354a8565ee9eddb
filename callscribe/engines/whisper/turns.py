"""One at a time, in whatever event loop it is. Imports nothing of ours."""

from __future__ import annotations

import asyncio


class Turns:
    """A lock for what outlives an event loop; each loop has its own.

    ``asyncio.Lock`` belongs to the first loop in which somebody had to wait for it, and raises in
    every later one. An engine may be used under one ``asyncio.run`` after the other.
    """

    def __init__(self) -> None:
        self._locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    @property
    def lock(self) -> asyncio.Lock:
        """That of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._locks:
            # A lock may hold its loop, so that weak references would keep both for ever.
            open_ones = {old: lock for old, lock in self._locks.items() if not old.is_closed()}
            self._locks = {**open_ones, loop: asyncio.Lock()}
        return self._locks[loop]
