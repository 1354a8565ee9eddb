"""Which sessions an agent works on at the moment, and which wait for it.

A session takes a worker only while there is something to do, and an agent has a bounded number of
workers; what is too much to remember is found in the store again. May import ``flag``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from callscribe.flag import Flag

Work = Callable[[str], Coroutine[Any, Any, None]]
Refill = Callable[[], Coroutine[Any, Any, list[str]]]

REMEMBERED = 1000
"""Waiting sessions that are kept in memory; the store knows of the others."""

_REFILL = "\x00refill"
"""The name of the task that looks into the store: no session is called so."""


class Turns:
    """Lets one begin at a time, and the event loop do everything else between two of them.

    Finals come in batches. All that agents make of one, in one go, would hold every call up.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()

    def add(self, begin: Callable[[], object]) -> None:
        """Has ``begin`` called in its turn; it must not raise."""
        self._waiting.append(begin)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._waiting[0]()
        self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)


class Lane:
    """The sessions of one agent, each with one worker at most.

    ``work`` does all there is to do for a session; ``refill`` finds the sessions that have
    something; ``rested`` is told of a session that was worked on, ``looked`` called when the store
    has been asked for more. None of them may raise.
    """

    def __init__(
        self,
        work: Work,
        refill: Refill,
        rested: Callable[[str], None] = lambda _session_id: None,
        *,
        workers: int,
        remembered: int = REMEMBERED,
        turns: Turns | None = None,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self._rested = rested
        self._looked = looked
        self._turns = turns or Turns()
        self._work = work
        self._refill = refill
        self._workers = workers
        self._remembered = remembered
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, None] = {}  # a set that keeps its order
        self._again: set[str] = set()
        self._more = False
        self._closed = False

    @property
    def running(self) -> int:
        """How many sessions are worked on."""
        return sum(name != _REFILL for name in self._tasks)

    @property
    def waiting(self) -> int:
        """How many sessions are known to wait for a worker."""
        return len(self._waiting)

    def has(self, session_id: str) -> bool:
        """Whether there is something to do for a session, or may be: the store is asked yet."""
        known = session_id in self._tasks or session_id in self._waiting
        return not self._closed and (known or self._more or _REFILL in self._tasks)

    def notice(self, session_id: str) -> None:
        """A session has something to do. Never waits."""
        if session_id in self._tasks:
            self._again.add(session_id)
        elif len(self._waiting) < self._remembered:
            self._waiting[session_id] = None
        elif session_id not in self._waiting:
            self._more = True
        self._pump()

    def look(self) -> None:
        """Finds what there is to do in the store."""
        self._more = True
        self._pump()

    def has_more(self, session_id: str) -> bool:
        """Whether the session was noticed anew since this was last asked."""
        if session_id in self._again:
            self._again.discard(session_id)
            return True
        return False

    async def close(self, seconds: float) -> None:
        """Begins nothing new, waits for what runs, and cancels what takes longer."""
        self._closed = True
        tasks = set(self._tasks.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1.0)

    def _pump(self) -> None:
        while not self._closed and self._waiting and self.running < self._workers:
            session_id = next(iter(self._waiting))
            del self._waiting[session_id]
            self._start(session_id, partial(self._work, session_id))
        if not self._closed and self._more and not self._waiting and _REFILL not in self._tasks:
            self._more = False
            self._start(_REFILL, self._find)

    def _start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(self._in_turn(work))
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._done(name))

    async def _in_turn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        turn = Flag()
        self._turns.add(turn.set)
        await turn.wait()
        await work()

    def _done(self, name: str) -> None:
        del self._tasks[name]
        if self.has_more(name) and not self._closed:
            self.notice(name)
        self._pump()
        if name == _REFILL:
            self._looked()
        else:
            self._rested(name)

    async def _find(self) -> None:
        for session_id in await self._refill():
            self.notice(session_id)
