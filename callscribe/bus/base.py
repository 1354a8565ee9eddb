"""What a bus is: it keeps a session's durable events and hands all events to who listens.

May import ``events``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, runtime_checkable

from callscribe.events import Event

Hear = Callable[[Event], Awaitable[None] | None]
"""Takes an event. What it gives back is waited for before it gets the next one."""


@runtime_checkable
class Subscription(Protocol):
    """One listener's place in a session's events; iterate it, or ask for ``each``, once.

    It ends after the event that ends the session, or when it or the bus is closed. Durable events
    all arrive, in order. A listener that is slow misses interim ones: of each kind and speaker
    only the latest is kept for it.
    """

    @property
    def missed(self) -> int:
        """How many interim events were replaced by newer ones before this listener took them."""
        ...

    def __aiter__(self) -> AsyncIterator[Event]:
        """The events, past ones first."""
        ...

    async def each(self, hear: Hear) -> None:
        """Gives the events to ``hear``, past ones first.

        Where nothing waits that is in the moment they happen, without a task between. What it
        raises ends this.
        """
        ...

    def close(self) -> None:
        """Ends the iteration. Idempotent."""
        ...


@runtime_checkable
class Bus(Protocol):
    """The one road from sessions to pages, terminals and agents."""

    def publish(self, event: Event) -> None:
        """Keeps a durable event and wakes the listeners; never waits for any of them."""
        ...

    def history(self, session_id: str, since: int = 0) -> list[Event]:
        """The durable events of a session with a ``seq`` above ``since``."""
        ...

    def subscribe(self, session_id: str, since: int = 0) -> Subscription:
        """The durable events above ``since``, then all events as they happen."""
        ...

    def forget(self, session_id: str) -> None:
        """Drops a session's events and ends its subscriptions."""
        ...

    @property
    def missed(self) -> int:
        """Interim events that slow listeners missed, summed since the start."""
        ...

    async def close(self) -> None:
        """Ends all subscriptions. Idempotent."""
        ...
