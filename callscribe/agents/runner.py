"""Runs the agents: each on its own, from its own cursor, over what the store keeps.

The store is the queue; what it has just taken is in ``tails`` too, and need not be read in it. A
cursor moves only when all that was found is stored, so that nothing is lost by a crash. May import
the other rooms of the wing, the contract of the store and core.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import structlog

from callscribe.agents.attempt import Retries, attempt
from callscribe.agents.base import Agent
from callscribe.agents.calls import CallViews
from callscribe.agents.cursors import Cursors
from callscribe.agents.lane import Lane, Turns
from callscribe.agents.patience import Closing, Patience
from callscribe.agents.tails import Tail, Tails
from callscribe.agents.telling import Publish, Teller, Trouble, calm
from callscribe.events import Event, SessionStarted
from callscribe.flag import Flag
from callscribe.shelf import Shelf
from callscribe.store.base import Store

_log = structlog.get_logger(__name__)

BATCH = 100
"""Events that are read from the store at once."""

DEADLINE = 10.0
"""Seconds that an agent may take for a final, unless it says otherwise."""


async def _nowhere_else(_: str) -> bool:
    return False


@dataclass(slots=True)
class Counts:
    """What became of an agent's events since the start."""

    handled: int = 0
    told: int = 0
    retried: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Post:
    """An agent at work."""

    agent: Agent
    lane: Lane
    deadline: float
    counts: Counts


class Runner:
    """Brings finals to agents and what they find to everyone.

    ``clock`` gives UNIX seconds, ``monotonic`` the seconds by which deadlines are shared out.
    ``is_elsewhere`` tells which calls go on at another server: they are left to its agents.
    ``shelf`` is where goes what was said a while ago.
    """

    def __init__(
        self,
        store: Store,
        publish: Publish,
        agents: Sequence[Agent],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        retries: Retries | None = None,
        deadline: float = DEADLINE,
        workers: int = 16,
        is_elsewhere: Callable[[str], Awaitable[bool]] = _nowhere_else,
        shelf: Shelf | None = None,
    ) -> None:
        self._store = store
        self._tails = Tails()
        self._calls = CallViews(store, self._tails, shelf=shelf)
        self._teller = Teller(store, self._calls, publish, clock, self._told)
        self._monotonic = monotonic
        self._is_elsewhere = is_elsewhere
        self._patience = Patience(retries or Retries())
        self._cursors = Cursors(store, self._patience, self._tails.lose)
        self._turns: weakref.WeakValueDictionary[str, Flag] = weakref.WeakValueDictionary()
        self._turnstile = Turns()
        self._posts: dict[str, _Post] = {}
        for agent in agents:
            self._posts[agent.name] = self._post(agent, deadline, workers)

    def _post(self, agent: Agent, deadline: float, workers: int) -> _Post:
        lane = Lane(
            lambda session_id: self._work(post, session_id),
            lambda: self._behind(post),
            self._rested,
            workers=workers,
            turns=self._turnstile,
            looked=self._looked,
        )
        post = _Post(agent, lane, float(getattr(agent, "deadline", deadline)), Counts())
        return post

    def start(self) -> None:
        """Catches up, in the background, with what happened while nobody was there."""
        for post in self._posts.values():
            post.lane.look()

    def take(self, stored: Sequence[Event]) -> None:
        """The store has these now, and has all that came before them in their sessions."""
        for event in stored:
            if isinstance(event, SessionStarted):
                self._cursors.forget(event.session_id)
        self._tails.take(stored)

    def lose(self, session_ids: Iterable[str]) -> None:
        """What happened in these sessions has to be read in the store."""
        for session_id in session_ids:
            self._tails.lose(session_id)

    def notice(self, session_id: str) -> None:
        """A final, or the end, of this session has been stored. Never waits."""
        for post in self._posts.values():
            post.lane.notice(session_id)

    def at_work(self, session_id: str) -> bool:
        """Whether an agent has something to do for a call, or may have."""
        return any(post.lane.has(session_id) for post in self._posts.values())

    def turn(self, session_id: str) -> Flag:
        """Set when an agent next tells something in a call, or rests from it."""
        return self._turns.setdefault(session_id, Flag())

    def status(self) -> dict[str, dict[str, int]]:
        """For each agent: sessions that it works on, those that wait, and its counts."""
        return {
            name: {"running": post.lane.running, "waiting": post.lane.waiting} | asdict(post.counts)
            for name, post in self._posts.items()
        }

    async def replay(self, letter_id: str) -> bool:
        """Has a dead letter handled once more; drops it, or notes why it failed again.

        ``KeyError`` when there is no such letter, or nobody any more to handle it.
        """
        for letter in await self._store.letters(letter_id=letter_id):
            post = self._posts[letter.agent]
            found = await self._store.events(letter.session_id, since=letter.seq - 1, limit=1)
            if not found:  # the call was deleted
                await self._store.drop_letter(letter_id)
                raise KeyError(letter_id)
            try:
                event, call = await calm(self._calls.around(found[0], letter.seq))
                findings = await attempt(post.agent, event, call, post.deadline)
                await self._teller.tell(letter.agent, letter.session_id, findings)
            except Trouble as trouble:
                raise trouble.error from None
            except Exception as error:  # noqa: BLE001 - whatever an agent raises
                attempts = letter.attempts + 1
                await self._teller.bury(letter.agent, found[0], error, attempts)
                return False
            finally:
                self._rested(letter.session_id)
            await self._store.drop_letter(letter_id)
            return True
        raise KeyError(letter_id)

    async def close(self, deadline: float = 10.0) -> None:
        """Waits for what agents are at, for ``deadline`` seconds; the rest is done after a start.

        Idempotent.
        """
        self._patience.over.set()
        for turn in list(self._turns.values()):
            turn.set()
        until = self._monotonic() + deadline
        await asyncio.gather(*(post.lane.close(deadline) for post in self._posts.values()))
        await self._cursors.close(max(1.0, until - self._monotonic()))
        for name, post in self._posts.items():
            close = getattr(post.agent, "close", None)
            if close is not None:
                try:
                    async with asyncio.timeout(max(1.0, until - self._monotonic())):
                        await close()
                except Exception as error:  # noqa: BLE001 - the others want to be closed too
                    _log.warning("agent_not_closed", agent=name, error=type(error).__name__)

    # What a lane calls; none of it raises.

    async def _behind(self, post: _Post) -> list[str]:
        name = post.agent.name
        try:
            await self._patience.insist(self._cursors.write, name)
            return await self._patience.insist(partial(self._store.behind, name), name)
        except Closing:
            return []

    async def _work(self, post: _Post, session_id: str) -> None:
        try:
            elsewhere = partial(self._is_elsewhere, session_id)
            if not await self._patience.insist(elsewhere, post.agent.name, session_id):
                await self._catch_up(post, session_id)
        except Closing:
            return

    def _rested(self, session_id: str) -> None:
        if not self.at_work(session_id):
            self._calls.rest(session_id)
        self._take_turn(session_id)

    def _looked(self) -> None:
        """The store has said where there is something to do: whoever waits may look again."""
        for session_id in list(self._turns):
            self._take_turn(session_id)

    def _told(self, agent: str, session_id: str) -> None:
        self._posts[agent].counts.told += 1
        self._take_turn(session_id)

    def _take_turn(self, session_id: str) -> None:
        turn = self._turns.pop(session_id, None)
        if turn is not None:
            turn.set()

    # One session of one agent. What the store does not do now is asked of it again; what an agent
    # has done by then it does not do twice.

    async def _catch_up(self, post: _Post, session_id: str) -> None:
        name, tail, place = post.agent.name, None, None
        while not self._patience.over.is_set():
            post.lane.has_more(session_id)  # what was noticed until now is in what is read now
            if place is None or tail is not self._tails.get(session_id):
                tail = self._tails.get(session_id)
                place = await self._place(post, session_id, tail)
            batch = await self._news(post, session_id, tail, place)
            if not batch and not post.lane.has_more(session_id):
                return
            for data in batch:
                if data["type"] in ("final", "session_ended"):
                    await self._handle(post, data, batch[-1]["seq"])
                place = data["seq"]
                if tail is not None:
                    tail.places[name] = place

    async def _place(self, post: _Post, session_id: str, tail: Tail | None) -> int:
        """The number of the last event that an agent has done with."""
        name = post.agent.name
        place = tail.places.get(name) if tail is not None else None
        if place is None:
            read = partial(self._cursors.read, name, session_id)
            place = await self._patience.insist(read, name, session_id)
            if not place:  # there may have been another call of this name, which was deleted
                self._calls.forget(session_id)
                self._teller.forget(name, session_id)
        return place

    async def _news(
        self, post: _Post, session_id: str, tail: Tail | None, place: int
    ) -> Sequence[Mapping[str, Any]]:
        """The next events above a number."""
        found: Sequence[Mapping[str, Any]] | None = tail.since(place) if tail is not None else None
        if found is None:
            read = partial(self._store.events, session_id, place, BATCH)
            found = await self._patience.insist(read, post.agent.name, session_id)
        return found

    async def _handle(self, post: _Post, data: Mapping[str, Any], latest: int) -> None:
        """Has an agent do with a final, or the end, all that there is to do."""
        name, session_id = post.agent.name, data["session_id"]
        ended = data["type"] == "session_ended"
        if ended:
            self._calls.forget(session_id)  # some of it may have come late into the store
        told = await self._settle(post, data, latest)
        self._cursors.move(name, session_id, data["seq"])
        if told or ended:
            await self._patience.insist(self._cursors.write, name, session_id)
        if ended:
            self._teller.forget(name, session_id)

    async def _settle(self, post: _Post, data: Mapping[str, Any], latest: int) -> bool:
        """Tells what an agent finds in an event, or that it gave up; whether there was anything."""
        name, insist = post.agent.name, self._patience.insist
        session_id, failed = data["session_id"], 0
        while not self._patience.over.is_set():
            try:
                now, call = await insist(
                    lambda: calm(self._calls.around(data, latest)), name, session_id, on=Trouble
                )
                findings = await attempt(post.agent, now, call, post.deadline)
                tell = partial(self._teller.tell, name, session_id, findings)
                told = await insist(tell, name, session_id, on=Trouble)
            except Closing:
                raise
            except Exception as error:  # noqa: BLE001 - whatever an agent raises
                failed += 1
                retryable = getattr(error, "retryable", True)
                if not retryable or failed >= self._patience.retries.attempts:
                    await self._give_up(post, data, error, failed)
                    return True
                post.counts.retried += 1
                await self._patience.pause(failed)
            else:
                post.counts.handled += 1
                return bool(told)
        raise Closing

    async def _give_up(
        self, post: _Post, data: Mapping[str, Any], error: Exception, failed: int
    ) -> None:
        name = post.agent.name
        await self._patience.insist(
            partial(self._teller.give_up, name, data, error, failed), name, data["session_id"]
        )
        post.counts.failed += 1
        self._take_turn(data["session_id"])
