"""How events get onto disk whatever the store does: into it, or into a journal beside it.

What the journal holds is brought home by a task of its own, so that a store that stands still holds
nothing that is said meanwhile. An event that the store refuses for good is set aside, said, and
offered again at the next start. May import ``events``, ``errors`` and ``store.base``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, Protocol

import structlog

from callscribe.errors import EventRefused, StoreError
from callscribe.events import Event, SessionStarted
from callscribe.store.base import Store

MOST: Final = 500
"""Events written at once."""

PATIENCE: Final = 2.0
"""Seconds that the store may take for a batch before the journal takes it."""

RETRY: Final = 2.0
"""Seconds between two tries to reach a store that is away."""

UNWRITTEN: Final = 100_000
"""Events kept in memory at most when neither the store nor the journal takes them; what comes then
is lost. The oldest stay: of a call without its beginning the store takes nothing."""

AWAY: Final = "The store does not answer ({}); what is said goes to a journal."
NOT_KEPT: Final = "Neither the store nor the journal takes what is said: it is kept in memory only."
REFUSED: Final = (
    "The store refused a part of this call ({}); it is set aside, and offered again at the "
    "server's next start."
)

Warn = Callable[[set[str], str, str], None]
"""Says something (code, sentence) in each of these sessions."""

_log = structlog.get_logger(__name__)


class Journal(Protocol):
    """Takes events while the store is away; see ``store.journal``. One call at a time."""

    async def append(self, events: Sequence[Event]) -> None:
        """On disk when it returns; ``OSError`` when it cannot be."""
        ...

    async def read(self, most: int) -> list[Event]:
        """The first events that wait for the store."""
        ...

    async def drop(self, count: int) -> None:
        """The first ``count`` events that ``read`` gave are in the store now."""
        ...

    async def set_aside(self, events: Sequence[Event]) -> None:
        """Keeps what the store refused, on disk when it returns."""
        ...

    async def offer_again(self) -> None:
        """Puts what was set aside back among what waits for the store."""
        ...


class Keeper:
    """Keeps events in a store, or in a journal until the store is back.

    ``warn`` says what is wrong to those concerned, ``arrived`` is told of events that the store
    took late, ``back`` when it has all of them again. None of these may wait.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        *,
        warn: Warn,
        arrived: Callable[[Sequence[Event]], None],
        back: Callable[[], None],
    ) -> None:
        self.away = "it has not been tried yet"
        """Why the store cannot be reached; empty while it can and the journal is empty."""
        self.counts: Counter[str] = Counter()
        """Events ``stored`` at once, ``journaled``, ``unwritten``, ``set_aside``, ``lost``."""
        self.unwritten: deque[Event] = deque()
        """What neither the store nor the journal took, for another try; later than the journal."""
        self._store = store
        self._journal = journal
        self._warn = warn
        self._arrived = arrived
        self._back = back
        self._turn = asyncio.Lock()
        """Held by who adds to the journal, and by who finds that there is nothing left in it."""
        self._lost_sight = asyncio.Event()
        self._unknown: set[str] = set()
        """Sessions whose beginning the store refused: it would pass over the rest of them."""
        self._most = MOST
        """Events brought home at once: half as many where the store took too long, then more."""
        self._drainer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """What an earlier process left goes into the store first, if that can be reached."""
        try:
            await self._journal.offer_again()
        except OSError as error:
            _log.error("set_aside_not_read", problem=str(error))
        await self._bring_home()
        self._drainer = asyncio.create_task(self._drain(), name="keeper")

    async def close(self) -> None:
        """Tries once more to bring home what waits. Idempotent; nothing is kept afterwards."""
        if self._drainer is None:
            return
        self._drainer.cancel()
        await asyncio.wait([self._drainer])
        self._drainer = None
        if self.away:
            await self._bring_home()
        with contextlib.suppress(OSError):
            await self._out_of_memory()
        self._lose(len(self.unwritten))

    async def keep(self, batch: Sequence[Event]) -> bool:
        """On disk when it returns, or said to be in memory only. Never raises.

        Whether the store has all of it, and all that came before.
        """
        aside = self.counts["set_aside"]
        while True:
            if not self.away:
                try:
                    await self._into_store(batch)
                except Exception as error:  # noqa: BLE001 - whatever it is, no call may wait
                    self._lost(error)
                else:
                    self.counts["stored"] += len(batch)
                    return self.counts["set_aside"] == aside
            async with self._turn:
                if self.away:
                    await self._beside(batch)
                    return False

    async def _beside(self, batch: Sequence[Event]) -> None:
        """Puts a batch into the journal while the store is away."""
        sessions = {event.session_id for event in batch}
        self._warn(sessions, "store_away", AWAY.format(self.away))
        try:
            await self._out_of_memory()
            await self._journal.append(batch)
        except Exception as error:  # noqa: BLE001 - the same
            room = max(UNWRITTEN - len(self.unwritten), 0)
            self.counts["unwritten"] += len(batch[:room])
            self.unwritten.extend(batch[:room])
            _log.error("events_not_written", events=len(batch), problem=_name(error))
            self._warn(sessions, "not_kept", NOT_KEPT)
            self._lose(len(batch[room:]))
        else:
            self.counts["journaled"] += len(batch)

    async def _out_of_memory(self) -> None:
        """Has the journal take what is in memory only: it comes before all that is said now."""
        while self.unwritten:
            oldest = list(islice(self.unwritten, MOST))
            await self._journal.append(oldest)
            self._written(oldest)

    def _written(self, events: Sequence[Event]) -> None:
        """These are on disk, whoever was the first to put them there."""
        for event in events:
            if self.unwritten and self.unwritten[0] is event:
                self.unwritten.popleft()

    def _lose(self, events: int) -> None:
        if events:
            self.counts["lost"] += events
            _log.error("events_lost", events=events)

    async def _drain(self) -> None:
        while True:
            await self._lost_sight.wait()
            await asyncio.sleep(RETRY)
            await self._bring_home()

    async def _bring_home(self) -> None:
        """Gives the store what it missed; it is there again when that succeeds."""
        was_away = self._lost_sight.is_set()
        try:
            # The answer of a store that has nothing to write would mean nothing.
            async with asyncio.timeout(PATIENCE):
                await self._store.call("")
            while await self._some_home():
                pass
        except Exception as error:  # noqa: BLE001 - the same
            if isinstance(error, TimeoutError):
                self._most = max(1, self._most // 2)
            if not was_away:
                self._lost(error)
            return
        self._lost_sight.clear()
        if was_away:
            _log.info("store_back")
            self._back()

    async def _some_home(self) -> bool:
        """A batch of what waits; false, and the store is not away any more, when nothing does."""
        most = min(self._most, MOST)
        async with self._turn:
            waiting = await self._journal.read(most)
            if not waiting and not self.unwritten:
                self.away = ""
                return False
        if waiting:
            await self._into_store(waiting)
            await self._journal.drop(len(waiting))
        else:
            waiting = list(islice(self.unwritten, most))
            await self._into_store(waiting)
            self._written(waiting)
        self._most = min(MOST, most * 2)
        self._arrived(waiting)  # who reads the store has found nothing until now
        return True

    async def _into_store(self, batch: Sequence[Event]) -> None:
        """Has the store take a batch, without those of its events that it refuses for good."""
        if self._unknown:
            refused = [e for e in batch if e.session_id in self._unknown]
            await self._set_aside(refused, "")
            batch = [e for e in batch if e.session_id not in self._unknown]
        if not batch:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._store.append(batch)
        except Exception as error:  # again: it may be a fault of ours, in one event of many
            if not _refused(error):
                raise
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._into_store(batch[:middle])
                await self._into_store(batch[middle:])
            else:
                await self._set_aside(batch, _name(error))

    async def _set_aside(self, refused: Sequence[Event], problem: str) -> None:
        if not refused:
            return
        self.counts["set_aside"] += len(refused)
        try:
            await self._journal.set_aside(refused)
        except OSError as error:
            _log.error("events_not_set_aside", events=len(refused), problem=str(error))
        for event in refused:
            if isinstance(event, SessionStarted):
                self._unknown.add(event.session_id)
        if problem:
            _log.error("event_refused", kind=refused[0].type, problem=problem)
            self._warn({refused[0].session_id}, "store_refused", REFUSED.format(problem))

    def _lost(self, error: Exception) -> None:
        slow = isinstance(error, TimeoutError)
        self.away = f"it took longer than {PATIENCE:g} s" if slow else _name(error)
        self._lost_sight.set()
        _log.error("store_away", problem=self.away)


def _refused(error: Exception) -> bool:
    """Whether it is about what the store was given, and not about the store."""
    return isinstance(error, EventRefused) or not isinstance(error, StoreError | OSError)


def _name(error: Exception) -> str:
    """What to say of an error: one that is not expected may quote what was said."""
    return str(error) if isinstance(error, StoreError | OSError) else type(error).__name__
