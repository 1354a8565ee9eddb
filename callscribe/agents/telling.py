"""What became of a final: findings become events, and failures dead letters.

May import ``agents.attempt``, the contract of the store and core.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from callscribe.agents.attempt import name_of
from callscribe.errors import StoreError
from callscribe.events import AgentFailed, AgentResult, Event
from callscribe.store.base import DeadLetter, Store

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Trouble(Exception):
    """The store could not do its part: the agent is not to blame."""

    def __init__(self, error: StoreError) -> None:
        super().__init__(str(error))
        self.error = error


async def calm(work: Awaitable[T]) -> T:
    """What the store gives; ``Trouble`` where it may do its part later."""
    try:
        return await work
    except StoreError as error:
        if error.retryable:
            raise Trouble(error) from error
        raise


class Publish(Protocol):
    """Tells an event; it is stored when this returns."""

    async def __call__(
        self,
        session_id: str,
        kind: type[Event],
        /,
        **fields: Any,  # noqa: ANN401 - any event's
    ) -> object:
        """``fields``: the event's, without its session, number and time."""
        ...


class Teller:
    """Publishes what agents found, and that they gave up."""

    def __init__(self, store: Store, publish: Publish, clock: Callable[[], float]) -> None:
        self._store = store
        self._publish = publish
        self._clock = clock
        self._locks: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    async def tell(self, agent: str, session_id: str, findings: Sequence[Mapping[str, Any]]) -> int:
        """Publishes the findings whose keys are not known yet; how many those were."""
        if not findings:
            return 0
        told = 0
        lock = self._locks.setdefault((agent, session_id), asyncio.Lock())
        async with lock:  # a replay may be about to tell the same
            results = await calm(self._store.results(session_id))
            known = {result.key for result in results if result.agent == agent}
            for fields in findings:
                if fields["key"] not in known:
                    known.add(fields["key"])
                    await calm(self._publish(session_id, AgentResult, agent=agent, **fields))
                    told += 1
        return told

    async def bury(
        self, agent: str, data: Mapping[str, Any], error: Exception, attempts: int
    ) -> DeadLetter:
        """Keeps an event that an agent could not handle; always under the same id."""
        place = json.dumps([agent, data["session_id"], data["seq"]])
        letter = DeadLetter(
            letter_id=hashlib.sha256(place.encode()).hexdigest()[:32],
            agent=agent,
            session_id=data["session_id"],
            seq=data["seq"],
            error=f"{name_of(error)}: {error}"[:1000],
            attempts=attempts,
            at=self._clock(),
        )
        await self._store.bury(letter)
        return letter

    async def give_up(
        self, agent: str, data: Mapping[str, Any], error: Exception, attempts: int
    ) -> None:
        """Buries an event and says so."""
        letter = await self.bury(agent, data, error, attempts)
        _log.warning(
            "agent_failed",
            agent=agent,
            session_id=letter.session_id,
            seq=letter.seq,
            attempts=attempts,
            error=name_of(error),  # its message may quote what was said
        )
        try:
            await calm(
                self._publish(
                    letter.session_id,
                    AgentFailed,
                    agent=agent,
                    of_seq=letter.seq,
                    error=letter.error,
                    letter_id=letter.letter_id,
                )
            )
        except Trouble as trouble:
            raise trouble.error from None
        except Exception as refused:  # noqa: BLE001 - the letter is kept: the agent goes on
            _log.error("agent_failure_not_told", agent=agent, error=name_of(refused))
