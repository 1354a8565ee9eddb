"""What became of a final: findings become events, and failures dead letters.

May import ``agents.attempt``, ``agents.calls``, the contract of the store and core.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from callscribe.agents.attempt import name_of
from callscribe.agents.calls import CallViews
from callscribe.errors import StoreError
from callscribe.events import AgentFailed, AgentResult, Event
from callscribe.store.base import DeadLetter, Store

_log = structlog.get_logger(__name__)

T = TypeVar("T")

CALLS = 1_000
"""Calls, of each agent, of which it is remembered what was told in them."""

KEYS = 10_000
"""Keys that are remembered for each; the oldest make room."""


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
    """Publishes what agents found, and that they gave up.

    ``told`` is called with the agent and the session of each finding that was published.
    """

    def __init__(
        self,
        store: Store,
        calls: CallViews,
        publish: Publish,
        clock: Callable[[], float],
        told: Callable[[str, str], None] = lambda _agent, _session_id: None,
    ) -> None:
        self._store = store
        self._calls = calls
        self._publish = publish
        self._clock = clock
        self._told = told
        self._unread: OrderedDict[tuple[str, str], dict[str, None]] = OrderedDict()
        """The keys that were told and have not been read in the store: it may take them late."""
        self._locks: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    async def tell(self, agent: str, session_id: str, findings: Sequence[Mapping[str, Any]]) -> int:
        """Publishes the findings whose keys are not known yet; how many those were."""
        if not findings:
            return 0
        told = 0
        place = (agent, session_id)
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:  # a replay may be about to tell the same
            stored = await calm(self._calls.keys(session_id, agent))
            for key in self._unread.get(place, {}).keys() & stored:
                del self._unread[place][key]
            for fields in findings:
                key = fields["key"]
                if key not in stored and key not in self._unread.get(place, ()):
                    await calm(self._publish(session_id, AgentResult, agent=agent, **fields))
                    self._remember(place, key)
                    self._told(agent, session_id)
                    told += 1
        return told

    def forget(self, agent: str, session_id: str) -> None:
        """An agent has done with a call, or begins with it."""
        self._unread.pop((agent, session_id), None)

    def _remember(self, place: tuple[str, str], key: str) -> None:
        keys = self._unread.setdefault(place, {})
        keys[key] = None
        if len(keys) > KEYS:
            del keys[next(iter(keys))]
        self._unread.move_to_end(place)
        if len(self._unread) > CALLS:
            self._unread.popitem(last=False)

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
