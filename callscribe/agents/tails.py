"""The latest events of the calls that go on, as the store would give them. May import core.

Who is told what the store has just taken need not ask it for that. What is not here, the store
knows: a tail says how far back it reaches, and is dropped where something may be missing in it.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from callscribe.events import AgentFailed, AgentResult, Event, FinalResult, SessionEnded

CALLS: Final = 1_000
"""Calls of which the latest events are remembered; the one without news for longest makes room."""

EVENTS: Final = 32
"""Events that are remembered of each."""

WARM: Final = 16
"""Of these, so many are in their JSON form too: all agents read them at about the same time."""


_HEAD: Final = frozenset({"type", "session_id", "seq"})


class Told(Mapping[str, Any]):
    """A final in its JSON form, which is made only when somebody looks behind its head."""

    __slots__ = ("_data", "event")

    def __init__(self, event: FinalResult) -> None:
        self.event = event
        self._data: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - whatever an event holds
        if name in _HEAD:
            return getattr(self.event, name)
        return self._whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    @property
    def _whole(self) -> dict[str, Any]:
        if self._data is None:
            self._data = self.event.to_dict()
        return self._data


class Tail:
    """The latest events of one call, without a hole."""

    def __init__(self, after: int, most: int) -> None:
        self.places: dict[str, int] = {}
        """The number of the last event that each agent has read, where it is known."""
        self._after = after
        """Every event with a higher number is here."""
        self._last = after
        self._most = most
        self._events: deque[Event] = deque()
        self._warm: OrderedDict[int, Mapping[str, Any]] = OrderedDict()

    def add(self, event: Event) -> bool:
        """Takes the next event; false when it is not the next one."""
        if event.seq <= self._last:
            return False
        self._last = event.seq
        self._events.append(event)
        if len(self._events) > self._most:
            self._after = self._events.popleft().seq
        return True

    def since(self, seq: int) -> list[Mapping[str, Any]] | None:
        """The events numbered above ``seq`` in their JSON form; None where it is the store's.

        They are shared: nobody may change them.
        """
        if seq < self._after:
            return None
        new: list[Event] = []
        for event in reversed(self._events):
            if event.seq <= seq:
                break
            new.append(event)
        return [self._data(event) for event in reversed(new)]

    def rest(self) -> None:
        """Nobody reads any more for now."""
        self._warm.clear()

    def _data(self, event: Event) -> Mapping[str, Any]:
        data = self._warm.get(event.seq)
        if data is None:
            data = self._warm[event.seq] = _as_stored(event)
            if len(self._warm) > WARM:
                self._warm.popitem(last=False)
        return data


class Tails:
    """A tail of each call that goes on."""

    def __init__(self, calls: int = CALLS, events: int = EVENTS) -> None:
        self._calls = calls
        self._events = events
        self._tails: OrderedDict[str, Tail] = OrderedDict()

    def get(self, session_id: str) -> Tail | None:
        """A call's tail; another one, or none, once something may be missing in it."""
        return self._tails.get(session_id)

    def take(self, stored: Sequence[Event]) -> None:
        """The store has these now, and had all that came before them in their calls."""
        for event in stored:
            if isinstance(event, SessionEnded):
                self.lose(event.session_id)  # it may be deleted from now on
            elif not self._add(event):
                self.lose(event.session_id)

    def lose(self, session_id: str) -> None:
        """Something happened in a call that did not come here."""
        self._tails.pop(session_id, None)

    def _add(self, event: Event) -> bool:
        tail = self._tails.get(event.session_id)
        if tail is None:
            if isinstance(event, AgentResult | AgentFailed):  # also of calls that are over
                return True
            tail = self._tails[event.session_id] = Tail(event.seq - 1, self._events)
            if len(self._tails) > self._calls:
                self._tails.popitem(last=False)
        self._tails.move_to_end(event.session_id)
        return tail.add(event)


def _as_stored(event: Event) -> Mapping[str, Any]:
    if isinstance(event, FinalResult):  # nothing in it looks different in JSON
        return Told(event)
    found: dict[str, Any] = json.loads(json.dumps(event.to_dict(), default=str))
    return found
