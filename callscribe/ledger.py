"""The one way in which an event gets its number, is kept, and is told: in that order.

Durable events are written in batches, off the path of audio; a batch is told when it is on disk
(see ``keeping``). May import ``keeping``, ``events``, ``store.base`` and ``bus.base``.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import structlog

from callscribe.bus.base import Bus
from callscribe.errors import SessionNotFound, StoreError
from callscribe.events import Event, Notice, SessionEnded, SessionStarted
from callscribe.flag import Flag
from callscribe.keeping import MOST, Journal, Keeper
from callscribe.store.base import Store

WAITING: Final = 2_000
"""Events that wait for the store at most before interim results are left out."""

REST: Final = 0.002
"""Seconds at most that the store rests after a batch, and as many for each event from the third on:
most of the work is the same for one and for twenty. It never rests for longer than the batch took,
times its events. What comes meanwhile is written together; what comes when nothing was written just
now does not wait."""
LONGEST_REST: Final = 0.012
"""Seconds that it rests at most, however much there was."""

_log = structlog.get_logger(__name__)


After = Callable[[Sequence[Event], bool], None]
"""Is called with what has just been told, and whether the store has it, and all that came before
it. What the journal has comes once more when the store has taken it. Must not wait."""


class Ledger:
    """Numbers, keeps and tells the events of all sessions.

    Without a store it tells at once. ``clock`` is UNIX time in seconds. ``after`` are called with
    durable events.
    """

    def __init__(self, bus: Bus, clock: Callable[[], float]) -> None:
        self.after: list[After] = []
        self.left_out = 0
        """Interim events that were not told, since too much was waiting."""
        self.keeper: Keeper | None = None
        """What gets events onto disk; None before ``open``."""
        self._bus = bus
        self._clock = clock
        self._store: Store | None = None
        self._numbers: dict[str, int] = {}
        self._guests: Counter[str] = Counter()
        """How many are telling something in sessions that have ended; see ``tell``."""
        self._queue: deque[Event] = deque()
        self._held: Counter[str] = Counter()
        """Events of each session in the queue."""
        self._news = Flag()
        self._told = asyncio.Condition()
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._warned: defaultdict[str, set[str]] = defaultdict(set)
        """Sessions that were told that something is wrong, by the notice's code."""

    async def open(self, store: Store, journal: Journal) -> None:
        """From now on events are kept before they are told; ``close`` ends that.

        What an earlier process left in the journal goes into the store first.
        """
        self._store = store
        self.keeper = Keeper(
            store, journal, warn=self._warn, arrived=self._tell_others, back=self._store_back
        )
        await self.keeper.open()
        self._writer = asyncio.create_task(self._write(self.keeper), name="ledger")

    def publish(self, session_id: str, kind: Callable[..., Event], /, **fields: object) -> Event:
        """Gives an event its number and its time, and has it kept and told. Never waits."""
        if kind is SessionStarted:
            self._guests.pop(session_id, None)  # they were looking for one of the same name
        if kind is SessionEnded:
            for told in self._warned.values():
                told.discard(session_id)
        seq = self._numbers[session_id] = self._numbers.get(session_id, 0) + 1
        event = kind(session_id=session_id, seq=seq, at=round(self._clock(), 4), **fields)
        if self._writer is None or not (event.durable or self._held[session_id]):
            self._bus.publish(event)
            if event.durable:
                self._tell_others([event])
        elif event.durable or len(self._queue) < WAITING:
            self._held[session_id] += 1
            self._queue.append(event)
            self._news.set()
        else:
            self.left_out += 1
        return event

    async def tell(self, session_id: str, kind: Callable[..., Event], /, **fields: object) -> None:
        """Publishes an event in a session that may have ended, and waits until it is kept.

        ``SessionNotFound`` for a session that nobody knows any more; ``StoreError`` while the store
        cannot say which number is the next, or another server gives them.
        """
        known = session_id in self._numbers
        guest = session_id in self._guests or not (known or self._store is None)
        if guest:  # from here on nobody else forgets its number
            self._guests[session_id] += 1
        try:
            if guest and not known:
                await self._look_up(session_id)
            self.publish(session_id, kind, **fields)
            await self.settled(session_id)
        finally:
            if guest and session_id in self._guests:
                self._guests[session_id] -= 1
                if not self._guests[session_id]:
                    self.forget(session_id)
                    self._bus.forget(session_id)

    async def _look_up(self, session_id: str) -> None:
        """Finds the latest number of a session that has ended; errors of ``tell``."""
        await self.settled(session_id)  # what was told before it was forgotten
        if self.away:
            raise StoreError(f"The store is away ({self.away}); try again.")
        call = await self.store.call(session_id)
        if call is None:
            raise SessionNotFound(f"there is no session {session_id[:64]}")
        if session_id not in self._numbers and call.state != "ended":
            raise StoreError(
                "This call goes on at another server, which gives its events their numbers; "
                "ask that one, or wait for the end of the call."
            )
        self._numbers.setdefault(session_id, call.last_seq)

    async def is_elsewhere(self, session_id: str) -> bool:
        """Whether a session goes on at another server over the same store; ``StoreError``."""
        if session_id in self._numbers and session_id not in self._guests:
            return False
        call = await self.store.call(session_id)
        return call is not None and call.state != "ended"

    @property
    def away(self) -> str:
        """Why the store does not have all that was told; empty while it has."""
        return self.keeper.away if self.keeper is not None else ""

    @property
    def store(self) -> Store:
        """Where events are kept; ``StoreError`` before ``open``."""
        if self._store is None:
            raise StoreError("the store has not been opened yet; try again")
        return self._store

    async def knows(self, session_id: str) -> bool:
        """Whether there has been a session of this name; no when the store does not answer."""
        if session_id in self._numbers:
            return True
        try:
            return self._store is not None and await self._store.call(session_id) is not None
        except StoreError:
            return False

    def seq(self, session_id: str) -> int:
        """The number of the session's latest event; 0 when there is none."""
        return self._numbers.get(session_id, 0)

    def go_on(self, session_id: str, seq: int) -> None:
        """The next event of a session has the number behind ``seq``."""
        self._guests.pop(session_id, None)
        self._numbers[session_id] = seq

    def forget(self, session_id: str) -> None:
        """Nothing more is published in this session."""
        self._guests.pop(session_id, None)
        self._numbers.pop(session_id, None)

    def kept_below(self, session_id: str) -> int:
        """The number below which all of a session's events are on disk, as far as they are kept."""
        if self.keeper is not None and self.keeper.unwritten:
            return 0
        if session_id in self._held:
            return next(event.seq for event in self._queue if event.session_id == session_id)
        return self.seq(session_id) + 1

    async def settled(self, session_id: str) -> None:
        """Waits until all that has been published in a session is kept and told."""
        async with self._told:
            await self._told.wait_for(lambda: not self._held[session_id])

    async def all_settled(self) -> None:
        """Waits until all that has been published anywhere is kept and told."""
        async with self._told:
            await self._told.wait_for(lambda: not self._queue)

    async def close(self) -> None:
        """Writes what waits. Idempotent; events published afterwards are told and not kept."""
        if self._writer is None:
            return
        self._closing = True
        self._news.set()
        await self._writer
        self._writer = None
        if self.keeper is not None:
            await self.keeper.close()

    async def _write(self, keeper: Keeper) -> None:
        loop = asyncio.get_running_loop()
        while self._queue or not self._closing:
            await self._news.wait()
            batch = list(islice(self._queue, MOST))
            durable = [event for event in batch if event.durable]
            began = loop.time()
            stored = bool(durable) and await keeper.keep(durable)
            took = loop.time() - began
            await self._tell(batch, stored=stored)
            if durable and not self._closing:
                most = min(REST * max(len(durable) - 1, 1), LONGEST_REST)
                await asyncio.sleep(min(took * len(durable), most))
            if not (self._queue or self._closing):
                self._news.clear()

    def _store_back(self) -> None:
        warned = self._warned.pop("store_away", set())
        self._warned.clear()
        for session_id in warned & self._numbers.keys():
            self.publish(
                session_id,
                Notice,
                code="store_back",
                message="The store is back; nothing that was said is missing in it.",
            )

    def _warn(self, sessions: set[str], code: str, message: str) -> None:
        """Says it once in each of these sessions, until the store is back.

        One that has been forgotten has no number to say it under.
        """
        for session_id in (sessions & self._numbers.keys()) - self._warned[code]:
            self._warned[code].add(session_id)
            self.publish(session_id, Notice, code=code, message=message)

    async def _tell(self, batch: list[Event], *, stored: bool) -> None:
        for event in batch:
            self._queue.popleft()
            self._held[event.session_id] -= 1
            if not self._held[event.session_id]:
                del self._held[event.session_id]
            self._bus.publish(event)
        durable = [event for event in batch if event.durable]
        if durable:
            self._tell_others(durable, stored=stored)
        async with self._told:
            self._told.notify_all()

    def _tell_others(self, told: Sequence[Event], *, stored: bool = False) -> None:
        for listener in self.after:
            try:
                listener(told, stored)
            except Exception as error:  # noqa: BLE001 - a listener's trouble is its own
                _log.error("listener_failed", exc_info=error)
