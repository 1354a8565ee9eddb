"""The one way in which an event gets its number, is kept, and is told: in that order.

Durable events are written in batches, off the path of audio; a batch is told when the store has it.
While the store does not answer, a journal beside it takes its place, so that what was told is on
disk all the same; it goes into the store when that is back. May import ``events``, ``store.base``
and ``bus.base``.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, Protocol

import structlog

from callscribe.bus.base import Bus
from callscribe.errors import SessionNotFound, StoreError
from callscribe.events import Event, Notice, SessionEnded
from callscribe.store.base import Store

MOST: Final = 500
"""Events written at once."""

PATIENCE: Final = 2.0
"""Seconds that the store may take for a batch before the journal takes it."""

RETRY: Final = 2.0
"""Seconds between two tries to reach a store that is away."""

WAITING: Final = 2_000
"""Events that wait for the store at most before interim results are left out."""

UNWRITTEN: Final = 100_000
"""Events kept in memory at most when neither the store nor the journal takes them."""

AWAY: Final = "The store does not answer ({}); what is said goes to a journal."
NOT_KEPT: Final = "Neither the store nor the journal takes what is said: it is kept in memory only."

_log = structlog.get_logger(__name__)


class Journal(Protocol):
    """Takes events while the store is away; see ``store.journal``."""

    async def append(self, events: Sequence[Event]) -> None:
        """On disk when it returns; ``OSError`` when it cannot be."""
        ...

    async def read(self, most: int) -> list[Event]:
        """The first events that wait for the store."""
        ...

    async def drop(self, count: int) -> None:
        """The first ``count`` events are in the store now."""
        ...


class Ledger:
    """Numbers, keeps and tells the events of all sessions.

    Without a store it tells at once. ``clock`` is UNIX time, ``monotonic`` measures waiting, both
    in seconds. ``after`` are called with what has just been told; they must not wait.
    """

    def __init__(
        self, bus: Bus, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.after: list[Callable[[Sequence[Event]], None]] = []
        self.unwritten: deque[Event] = deque(maxlen=UNWRITTEN)
        """What was told although neither the store nor the journal took it, for another try."""
        self.away: str = ""
        """Why the store cannot be reached; empty while it can."""
        self.counts: Counter[str] = Counter()
        """``stored``, ``journaled``, ``unwritten`` events and ``left_out`` interim ones."""
        self._bus = bus
        self._clock = clock
        self._monotonic = monotonic
        self._store: Store | None = None
        self._numbers: dict[str, int] = {}
        self._queue: deque[Event] = deque()
        self._held: Counter[str] = Counter()
        """Events of each session in the queue."""
        self._news = asyncio.Event()
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
        await self._catch_up(store, journal)
        self._writer = asyncio.create_task(self._write(store, journal), name="ledger")

    def publish(self, session_id: str, kind: Callable[..., Event], /, **fields: object) -> Event:
        """Gives an event its number and its time, and has it kept and told. Never waits."""
        if kind is SessionEnded:
            for told in self._warned.values():
                told.discard(session_id)
        seq = self._numbers[session_id] = self._numbers.get(session_id, 0) + 1
        event = kind(session_id=session_id, seq=seq, at=self._clock(), **fields)
        if self._writer is None or not (event.durable or self._held[session_id]):
            self._bus.publish(event)
            if event.durable:
                self._tell_others([event])
        elif event.durable or len(self._queue) < WAITING:
            self._held[session_id] += 1
            self._queue.append(event)
            self._news.set()
        else:
            self.counts["left_out"] += 1
        return event

    async def tell(self, session_id: str, kind: Callable[..., Event], /, **fields: object) -> None:
        """Publishes an event in a session that may have ended, and waits until it is kept.

        ``SessionNotFound`` for a session that nobody knows any more.
        """
        if session_id not in self._numbers and self._store is not None:
            call = await self._store.call(session_id)
            if call is None:
                raise SessionNotFound(f"there is no session {session_id[:64]}")
            self._numbers.setdefault(session_id, call.last_seq)
        self.publish(session_id, kind, **fields)
        await self.settled(session_id)

    @property
    def store(self) -> Store | None:
        """Where events are kept; None before ``open``."""
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
        self._numbers[session_id] = seq

    def forget(self, session_id: str) -> None:
        """Nothing more is published in this session."""
        self._numbers.pop(session_id, None)

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

    async def _write(self, store: Store, journal: Journal) -> None:
        last_try = self._monotonic()
        while self._queue or not self._closing:
            try:
                async with asyncio.timeout(RETRY if self.away else None):
                    await self._news.wait()
            except TimeoutError:
                pass
            more = False
            if self.away and self._monotonic() - last_try >= RETRY:
                more = not await self._catch_up(store, journal)
                last_try = last_try if more else self._monotonic()
            batch = list(islice(self._queue, MOST))
            durable = [event for event in batch if event.durable]
            if durable:
                await self._keep(store, journal, durable)
            await self._tell(batch)
            if not (self._queue or self._closing or more):
                self._news.clear()

    async def _keep(self, store: Store, journal: Journal, batch: list[Event]) -> None:
        """Gets a batch onto disk: into the store, or into the journal while that is away."""
        if not self.away:
            try:
                async with asyncio.timeout(PATIENCE):
                    await store.append(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, no call may wait for ever
                self._lost(error, f"it took longer than {PATIENCE:g} s")
            else:
                self.counts["stored"] += len(batch)
                return
        sessions = {event.session_id for event in batch}
        self._warn(sessions, "store_away", AWAY.format(self.away))
        try:
            await journal.append(batch)
        except Exception as error:  # noqa: BLE001 - the same
            self.counts["unwritten"] += len(batch)
            self.unwritten.extend(batch)
            _log.error("events_not_written", events=len(batch), problem=_name(error))
            self._warn(sessions, "not_kept", NOT_KEPT)
        else:
            self.counts["journaled"] += len(batch)

    async def _catch_up(self, store: Store, journal: Journal) -> bool:
        """Brings home what the store missed; it is there again when that succeeds.

        False where it made room for what is being said now, and there is more to bring.
        """
        try:
            while waiting := await journal.read(MOST):
                async with asyncio.timeout(PATIENCE):
                    await store.append(waiting)
                await journal.drop(len(waiting))
                self._tell_others(waiting)  # who reads the store has found nothing until now
                if self._queue:
                    return False
            while self.unwritten:
                some = list(islice(self.unwritten, MOST))
                async with asyncio.timeout(PATIENCE):
                    await store.append(some)
                for _ in some:
                    self.unwritten.popleft()
                self._tell_others(some)
            # The answer of a store that has nothing to write means nothing.
            async with asyncio.timeout(PATIENCE):
                await store.call("")
        except Exception as error:  # noqa: BLE001 - the same
            if not self.away:
                self._lost(error, "it takes too long")
            return True
        if not self.away:
            return True
        self.away = ""
        _log.info("store_back")
        warned = self._warned.pop("store_away", set())
        self._warned.clear()
        for session_id in warned & self._numbers.keys():
            self.publish(
                session_id,
                Notice,
                code="store_back",
                message="The store is back; nothing that was said is missing in it.",
            )
        return True

    def _lost(self, error: Exception, slow: str) -> None:
        self.away = slow if isinstance(error, TimeoutError) else _name(error)
        _log.error("store_away", problem=self.away)

    def _warn(self, sessions: set[str], code: str, message: str) -> None:
        """Says it once in each of these sessions, until the store is back."""
        for session_id in sessions - self._warned[code]:
            self._warned[code].add(session_id)
            self.publish(session_id, Notice, code=code, message=message)

    async def _tell(self, batch: list[Event]) -> None:
        for event in batch:
            self._queue.popleft()
            self._held[event.session_id] -= 1
            if not self._held[event.session_id]:
                del self._held[event.session_id]
            self._bus.publish(event)
        durable = [event for event in batch if event.durable]
        if durable:
            self._tell_others(durable)
        async with self._told:
            self._told.notify_all()

    def _tell_others(self, told: Sequence[Event]) -> None:
        for listener in self.after:
            try:
                listener(told)
            except Exception as error:  # noqa: BLE001 - a listener's trouble is its own
                _log.error("listener_failed", exc_info=error)


def _name(error: Exception) -> str:
    """What to say of an error: one that is not expected may quote what was said."""
    return str(error) if isinstance(error, StoreError | OSError) else type(error).__name__
