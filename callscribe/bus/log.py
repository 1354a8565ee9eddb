"""A session's durable events: the latest in memory as they are, those before on a shelf.

Hardly anybody reads those again: a viewer who comes late, or one who stood still. May import
``events`` and ``shelf``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from callscribe.events import Event
from callscribe.shelf import Page, Shelf

PAGE: Final = 8
"""Events that are packed together: a third of a millisecond's work."""
LATE: Final = 4
"""Events that stay as they are at least."""


class Log:
    """Events by their place; each has a higher ``seq`` than the one before."""

    __slots__ = ("_first", "_late", "_pages", "_shelf")

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._pages: list[Page] = []
        self._first: list[int] = []
        """The number of each page's first event."""
        self._late: list[Event] = []

    def __len__(self) -> int:
        return self.packed + len(self._late)

    @property
    def packed(self) -> int:
        """How many of the events, the first ones, are packed."""
        return len(self._pages) * PAGE

    def append(self, event: Event) -> None:
        """Adds the latest event."""
        late = self._late
        late.append(event)
        if len(late) >= LATE + PAGE:
            self._first.append(late[0].seq)
            self._pages.append(self._shelf.put(late[:PAGE]))
            del late[:PAGE]

    def late(self, place: int) -> Event | None:
        """The event at a place that is not packed; None where there is none yet."""
        place -= self.packed
        return self._late[place] if place < len(self._late) else None

    def page(self, place: int) -> tuple[int, Sequence[Event]]:
        """The events that are packed with that at ``place``, and the place of the first."""
        number = place // PAGE
        return number * PAGE, self._pages[number].read()

    def above(self, seq: int) -> int:
        """The place of the first event with a number above ``seq``."""
        start: int
        events: Sequence[Event]
        start, events = self.packed, self._late
        if self._pages and (not events or events[0].seq > seq + 1):
            number = max(bisect_right(self._first, seq) - 1, 0)
            start, events = self.page(number * PAGE)
        return start + bisect_right(events, seq, key=_seq)

    def since(self, place: int) -> list[Event]:
        """All events from ``place`` on."""
        found: list[Event] = []
        while place < self.packed:
            start, events = self.page(place)
            found += events[place - start :]
            place = start + PAGE
        return found + self._late[place - self.packed :]


_seq = attrgetter("seq")
