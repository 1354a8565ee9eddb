"""How far agents are: noted at once, written now and then, all that moved in one transaction.

May import ``agents.patience``, the contract of the store and core.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from callscribe.agents.patience import Closing, Patience
from callscribe.flag import Flag
from callscribe.store.base import Store

EVERY: Final = 0.5
"""Seconds after which a cursor that moved is written: a crash has agents redo no more than that."""


class Cursors:
    """The cursors of all agents.

    ``gone`` is told of calls that the store does not know any more.
    """

    def __init__(
        self, store: Store, patience: Patience, gone: Callable[[str], None], every: float = EVERY
    ) -> None:
        self._store = store
        self._patience = patience
        self._gone = gone
        self._every = every
        self._due: dict[tuple[str, str], int] = {}
        self._being_written: dict[tuple[str, str], int] = {}
        self._turn = asyncio.Lock()
        """Held by who writes: what is due meanwhile goes together into the next transaction."""
        self._closing = Flag()
        self._writer: asyncio.Task[None] | None = None

    async def read(self, agent: str, session_id: str) -> int:
        """The number of the last event that an agent has done with; it is in the store now."""
        if (agent, session_id) in self._due or (agent, session_id) in self._being_written:
            await self.write()
        return await self._store.cursor(agent, session_id)

    def move(self, agent: str, session_id: str, seq: int) -> None:
        """An agent has done with all events up to ``seq``; written in a while."""
        self._due[agent, session_id] = seq
        self._have_written()

    def forget(self, session_id: str) -> None:
        """What is due was of another call of this name, which was deleted."""
        for place in [place for place in self._due if place[1] == session_id]:
            del self._due[place]

    async def write(self) -> None:
        """All that moved until now is on disk when it returns; ``StoreError`` when it is not."""
        if not self._due and not self._turn.locked():
            return
        async with self._turn:
            due, self._due = self._due, {}
            if not due:
                return
            self._being_written = due
            try:
                unknown = await self._store.advance_all(due)
            except BaseException:
                self._due = {**due, **self._due}
                raise
            finally:
                self._being_written = {}
        for session_id in unknown:
            self._gone(session_id)

    async def close(self, seconds: float) -> None:
        """Writes what is due, if the store takes it now; else agents begin there again."""
        self._closing.set()
        if self._due:
            self._have_written()
        writer = self._writer
        if writer is not None:
            await asyncio.wait([writer], timeout=seconds)
            writer.cancel()

    def _have_written(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_later(), name="cursors")

    async def _write_later(self) -> None:
        try:
            while self._due:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._every):
                        await self._closing.wait()
                await self._patience.insist(self.write, "all")
        except Closing:
            return
        finally:  # here, not when somebody hears of it: what moves next wants a new one
            self._writer = None
