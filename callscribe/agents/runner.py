"""Runs the agents: each on its own, from its own cursor, over what the store keeps.

The store is the queue. A cursor moves only when all that was found is stored, so that nothing is
lost by a crash. May import the other rooms of the wing, the contract of the store and core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from callscribe.agents.attempt import Retries, attempt, name_of
from callscribe.agents.base import Agent
from callscribe.agents.calls import Calls
from callscribe.agents.lane import Lane
from callscribe.agents.telling import Publish, Teller, Trouble, calm
from callscribe.store.base import Store

_log = structlog.get_logger(__name__)

BATCH = 100
"""Events that are read from the store at once."""

DEADLINE = 10.0
"""Seconds that an agent may take for a final, unless it says otherwise."""


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
    ) -> None:
        self._store = store
        self._teller = Teller(store, publish, clock)
        self._monotonic = monotonic
        self._retries = retries or Retries()
        self._closing = asyncio.Event()
        self._calls = Calls(store)
        self._posts: dict[str, _Post] = {}
        for agent in agents:
            self._posts[agent.name] = self._post(agent, deadline, workers)

    def _post(self, agent: Agent, deadline: float, workers: int) -> _Post:
        lane = Lane(
            lambda session_id: self._work(post, session_id),
            lambda: self._behind(post),
            workers=workers,
        )
        post = _Post(agent, lane, float(getattr(agent, "deadline", deadline)), Counts())
        return post

    def start(self) -> None:
        """Catches up, in the background, with what happened while nobody was there."""
        for post in self._posts.values():
            post.lane.look()

    def notice(self, session_id: str) -> None:
        """A final, or the end, of this session has been stored. Never waits."""
        for post in self._posts.values():
            post.lane.notice(session_id)

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
                call = await calm(self._calls.up_to(letter.session_id, letter.seq))
                findings = await attempt(post.agent, found[0], call, post.deadline)
                told = await self._teller.tell(letter.agent, letter.session_id, findings)
            except Trouble as trouble:
                raise trouble.error from None
            except Exception as error:  # noqa: BLE001 - whatever an agent raises
                attempts = letter.attempts + 1
                await self._teller.bury(letter.agent, found[0], error, attempts)
                return False
            post.counts.told += told
            await self._store.drop_letter(letter_id)
            return True
        raise KeyError(letter_id)

    async def close(self, deadline: float = 10.0) -> None:
        """Waits for what agents are at, for ``deadline`` seconds; the rest is done after a start.

        Idempotent.
        """
        self._closing.set()
        until = self._monotonic() + deadline
        await asyncio.gather(*(post.lane.close(deadline) for post in self._posts.values()))
        for name, post in self._posts.items():
            close = getattr(post.agent, "close", None)
            if close is not None:
                try:
                    async with asyncio.timeout(max(1.0, until - self._monotonic())):
                        await close()
                except Exception as error:  # noqa: BLE001 - the others want to be closed too
                    _log.warning("agent_not_closed", agent=name, error=type(error).__name__)

    # What a lane calls; neither raises.

    async def _behind(self, post: _Post) -> list[str]:
        failed = 0
        while not self._closing.is_set():
            try:
                return await self._store.behind(post.agent.name)
            except Exception as error:  # noqa: BLE001 - the store may be gone for a while
                failed += 1
                await self._stumble(post, "", failed, error)
        return []

    async def _work(self, post: _Post, session_id: str) -> None:
        failed = 0
        while not self._closing.is_set():
            try:
                await self._catch_up(post, session_id)
            except Exception as error:  # noqa: BLE001 - the store may be gone for a while
                failed += 1
                await self._stumble(post, session_id, failed, error)
            else:
                return

    async def _stumble(self, post: _Post, session_id: str, failed: int, error: Exception) -> None:
        _log.error(
            "agent_waits_for_store",
            agent=post.agent.name,
            session_id=session_id,
            error=name_of(error),
        )
        await self._sleep(self._retries.pause(failed))

    # One session of one agent.

    async def _catch_up(self, post: _Post, session_id: str) -> None:
        name = post.agent.name
        place = await self._store.cursor(name, session_id)
        while not self._closing.is_set():
            post.lane.has_more(session_id)  # what was noticed until now is in what is read now
            batch = await self._store.events(session_id, since=place, limit=BATCH)
            if not batch and not post.lane.has_more(session_id):
                return
            for data in batch:
                place = data["seq"]
                if data["type"] not in ("final", "session_ended"):
                    continue
                if not await self._settle(post, session_id, data, batch[-1]["seq"]):
                    return  # closing: it is taken up here after the next start
                await self._store.advance(name, session_id, place)

    async def _settle(
        self, post: _Post, session_id: str, data: dict[str, Any], latest: int
    ) -> bool:
        """Tells what an agent finds in an event, or that it gave up; false for neither."""
        failed = 0
        while not self._closing.is_set():
            try:
                call = await calm(self._calls.up_to(session_id, latest))
                findings = await attempt(post.agent, data, call, post.deadline)
                post.counts.told += await self._teller.tell(post.agent.name, session_id, findings)
            except Trouble as trouble:
                raise trouble.error from None
            except Exception as error:  # noqa: BLE001 - whatever an agent raises
                failed += 1
                retryable = getattr(error, "retryable", True)
                if not retryable or failed >= self._retries.attempts:
                    await self._teller.give_up(post.agent.name, data, error, failed)
                    post.counts.failed += 1
                    return True
                post.counts.retried += 1
                await self._sleep(self._retries.pause(failed))
            else:
                post.counts.handled += 1
                return True
        return False

    async def _sleep(self, seconds: float) -> None:
        """Sleeps; wakes up when the runner is closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return
