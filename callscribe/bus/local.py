"""The bus inside one process.

A listener has no queue of durable events: it has a place in the session's one log, and a slot for
the latest interim event of each kind and speaker. So a listener that stands still costs nothing,
holds up nobody and still finds every final when it goes on. May import ``bus.base``, ``bus.log``,
``events`` and ``shelf``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Final

from callscribe.bus.base import Hear
from callscribe.bus.log import Log
from callscribe.events import Event, SessionEnded
from callscribe.flag import Flag
from callscribe.shelf import Shelf

_NO_PAGE: Final[tuple[int, Sequence[Event]]] = (0, ())


@dataclass(slots=True, eq=False)
class _Topic:
    log: Log
    listeners: set[LocalSubscription] = field(default_factory=set)


class LocalSubscription:
    """A listener's place in one session's log."""

    def __init__(self, topic: _Topic, since: int) -> None:
        self._topic = topic
        self._next = topic.log.above(since)
        self._page = _NO_PAGE
        """Old events that are being read, and the place of the first."""
        self._latest: dict[tuple[str, str], Event] = {}
        self._news = Flag()
        self._closed = False
        self._hear: Hear | None = None
        """Who is told at once: nothing waits."""
        self._answer: Awaitable[None] | None = None
        """What has to be waited for before more is told."""
        self._error: Exception | None = None
        self.missed = 0

    def offer(self, event: Event) -> bool:
        """Tells of a new event; true when an interim one had to make room for it."""
        if self._hear is not None:
            self._hear_now(self._hear, event)
            return False
        replaced = False
        if not event.durable:
            place = (event.type, getattr(event, "speaker", ""))
            # Put last again: the slots stay in the order of their numbers.
            replaced = self._latest.pop(place, None) is not None
            self._latest[place] = event
            self.missed += replaced
        self._news.set()
        return replaced

    def close(self) -> None:
        """Ends the iteration. Idempotent."""
        self._closed = True
        self._topic.listeners.discard(self)
        self._news.set()

    def _take(self) -> Event | None:
        """The next event by number: from the log or from the slots."""
        durable = self._durable()
        place = next(iter(self._latest), None)
        if place is not None and (durable is None or self._latest[place].seq < durable.seq):
            return self._latest.pop(place)
        if durable is not None:
            self._next += 1
        return durable

    def _durable(self) -> Event | None:
        """The next durable event, if there is one."""
        place, log = self._next, self._topic.log
        if place >= log.packed:  # nearly always
            self._page = _NO_PAGE
            return log.late(place)
        start, events = self._page
        if not start <= place < start + len(events):
            start, events = self._page = log.page(place)
        return events[place - start]

    async def each(self, hear: Hear) -> None:
        """Gives the events to ``hear``: where nothing waits, in the moment they happen."""
        while not self._closed:
            event = self._take()
            if event is not None:
                answer = hear(event)
                if answer is not None:
                    await answer
                if isinstance(event, SessionEnded):
                    self.close()
                continue
            self._hear = hear
            self._news.clear()
            try:
                await self._news.wait()
            except asyncio.CancelledError:
                if asyncio.iscoroutine(self._answer):
                    self._answer.close()
                raise
            finally:
                self._hear = None
            if self._error is not None:
                raise self._error
            if self._answer is not None:
                answer, self._answer = self._answer, None
                await answer

    def _hear_now(self, hear: Hear, event: Event) -> None:
        self._next += event.durable
        try:
            self._answer = hear(event)
        except Exception as error:  # noqa: BLE001 - whoever waits in ``each`` gets it
            self._error = error
        if isinstance(event, SessionEnded):
            self.close()
        if self._answer is not None or self._error is not None:
            self._hear = None
            self._news.set()

    def __aiter__(self) -> LocalSubscription:
        return self

    async def __anext__(self) -> Event:
        while not self._closed:
            event = self._take()
            if event is not None:
                if isinstance(event, SessionEnded):
                    self.close()
                return event
            self._news.clear()
            await self._news.wait()
        raise StopAsyncIteration


class LocalBus:
    """Fan-out in memory, for one process; every session's durable events are kept.

    ``shelf`` is where old ones go.
    """

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._topics: dict[str, _Topic] = {}
        self._closed = False
        self.missed = 0

    def publish(self, event: Event) -> None:
        """Keeps a durable event and wakes the listeners; never waits for any of them."""
        topic = self._topics.get(event.session_id)
        if topic is None:
            topic = self._topics[event.session_id] = _Topic(Log(self._shelf))
        if event.durable:
            topic.log.append(event)
        for listener in tuple(topic.listeners):
            self.missed += listener.offer(event)

    def history(self, session_id: str, since: int = 0) -> list[Event]:
        """The durable events of a session with a ``seq`` above ``since``."""
        topic = self._topics.get(session_id)
        return topic.log.since(topic.log.above(since)) if topic else []

    def subscribe(self, session_id: str, since: int = 0) -> LocalSubscription:
        """The durable events above ``since``, then all events as they happen."""
        topic = self._topics.get(session_id)
        if topic is None:
            topic = self._topics[session_id] = _Topic(Log(self._shelf))
        subscription = LocalSubscription(topic, since)
        if self._closed:
            subscription.close()
        else:
            topic.listeners.add(subscription)
        return subscription

    def forget(self, session_id: str) -> None:
        """Drops a session's events and ends its subscriptions."""
        topic = self._topics.pop(session_id, None)
        for listener in list(topic.listeners) if topic else []:
            listener.close()

    async def close(self) -> None:
        """Ends all subscriptions. Idempotent."""
        self._closed = True
        for topic in self._topics.values():
            for listener in list(topic.listeners):
                listener.close()
