"""The calls that agents are told of, read from the store once for all of them.

Of a call that goes on only what is new is read. May import ``agents.base``, ``agents.tails``,
``agents.view``, the contract of the store and core.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callscribe.agents.base import Call
from callscribe.agents.tails import Tails
from callscribe.agents.view import View
from callscribe.events import Event
from callscribe.shelf import Shelf
from callscribe.store.base import Store

KEPT = 1_000
"""Calls that are kept at hand: more than one server has at once, else each final has its call read
from the beginning."""

PAGE = 200
"""Events that are read at once."""


@dataclass(slots=True)
class _Slot:
    view: View
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who reads on: each event counts once."""


class CallViews:
    """Gives a call as far as the store knows it; what is in ``tails`` it is not asked for.

    ``shelf`` is where goes what was said a while ago in calls that go on.
    """

    def __init__(
        self, store: Store, tails: Tails, kept: int = KEPT, shelf: Shelf | None = None
    ) -> None:
        self._shelf = shelf or Shelf()
        self._store = store
        self._tails = tails
        self._kept = kept
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    async def around(self, data: Mapping[str, Any], seq: int) -> tuple[Event, Call]:
        """An event, under the name that its speaker has now, and its call.

        The call with the event ``seq`` at least; the transcript is the caller's own.
        """
        view = await self._read(data["session_id"], seq)
        return view.event(data), view.call()

    async def keys(self, session_id: str, agent: str) -> set[str]:
        """The keys of all that the store knows an agent to have found."""
        return (await self._read(session_id, None)).keys[agent]

    def forget(self, session_id: str) -> None:
        """The call is read from its beginning when it is asked for again."""
        self._slots.pop(session_id, None)

    def rest(self, session_id: str) -> None:
        """Nobody asks any more for now: a call that has ended is forgotten, others stay at hand."""
        slot, tail = self._slots.get(session_id), self._tails.get(session_id)
        if slot is not None:
            slot.view.rest()
            if slot.view.ended:
                self.forget(session_id)
        if tail is not None:
            tail.rest()

    async def _read(self, session_id: str, seq: int | None) -> View:
        """What is known of a call; the store is asked unless ``seq`` is known already."""
        slot = self._slots.get(session_id)
        if slot is None:
            slot = self._slots[session_id] = _Slot(View(session_id, self._shelf))
        self._slots.move_to_end(session_id)
        while len(self._slots) > self._kept:
            self._slots.popitem(last=False)
        async with slot.turn:
            while seq is None or slot.view.seq < seq:
                tail = self._tails.get(session_id)
                known = tail.since(slot.view.seq) if tail is not None else None
                page: Sequence[Mapping[str, Any]] = (
                    await self._store.events(session_id, slot.view.seq, PAGE)
                    if known is None
                    else known
                )
                for data in page:
                    slot.view.apply(data)
                if known is not None or len(page) < PAGE:
                    break
        return slot.view
