"""All calls there are: those that are spoken now and those that the store has kept.

May import ``service``, ``ledger``, ``past``, ``store.base`` and core.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import structlog

from callscribe.errors import SessionClosed, SessionNotFound, StoreError
from callscribe.events import KINDS, parse_event
from callscribe.ledger import Ledger
from callscribe.past import Past
from callscribe.service import EnhancedTranscriptionService
from callscribe.session import Session
from callscribe.store.base import CallState, Store, StoredCall, StoredResult
from callscribe.talk import Talk
from callscribe.transcript import Transcript

MOST: Final = 200
"""Calls in one list at most."""

UNENDED: Final[Sequence[CallState]] = ("running", "interrupted")

_log = structlog.get_logger(__name__)


class Calls:
    """Reads calls from the store; of one that goes on, what has not been kept yet is waited for.

    While the store is away, running calls are read from memory; for others ``StoreError`` is
    raised. ``SessionNotFound`` where neither knows the call.
    """

    def __init__(self, service: EnhancedTranscriptionService, ledger: Ledger) -> None:
        self._service = service
        self._ledger = ledger
        self._deleted: deque[str] = deque(maxlen=MOST)

    def live(self, session_id: str) -> Session | None:
        """The session in memory, if it is there; it may have ended."""
        try:
            return self._service.session(session_id)
        except SessionNotFound:
            return None

    def running(self, session_id: str) -> Session:
        """The session, for one who wants to speak in it; ``SessionNotFound``.

        ``SessionClosed`` where it was deleted, of which who was away then has not been told.
        """
        session = self.live(session_id)
        if session is None and session_id in self._deleted:
            raise deleted()
        return session or self._service.session(session_id)

    async def recent(
        self, search: str = "", before: float | None = None, limit: int = 50
    ) -> Sequence[StoredCall]:
        """The calls, the latest first; see ``Store.calls``."""
        return await self._store.calls(search=search, before=before, limit=min(limit, MOST))

    async def call(self, session_id: str) -> StoredCall:
        """One call without its words.

        A store that can be read, and takes nothing, does not know how a running call goes.
        """
        await self._ledger.settled(session_id)
        away = self._ledger.away
        live = self.live(session_id) is not None
        found = None if live and away else await self._store.call(session_id)
        if found is None:
            if away:
                raise StoreError(f"The call cannot be read now: the store is away ({away}).")
            raise _unknown(session_id)
        return found

    async def transcript(self, session_id: str) -> Transcript:
        """What has been said."""
        session = self.live(session_id)
        if session is not None:
            await self._ledger.settled(session_id)
            return session.record.transcript
        await self.call(session_id)
        return await self._store.transcript(session_id)

    async def events(self, session_id: str, since: int = 0) -> list[dict[str, Any]]:
        """The durable events after ``since``, in their JSON form."""
        await self._ledger.settled(session_id)
        if self.live(session_id) is not None and self._ledger.away:
            return [event.to_dict() for event in self._service.history(session_id, since)]
        await self.call(session_id)
        return await self._store.events(session_id, since)

    async def stats(self, session_id: str) -> dict[str, Any]:
        """How the call goes, or went; see ``talk``."""
        session = self.live(session_id)
        if session is not None:
            return session.record.talk.to_dict()
        told = await self.events(session_id)
        return await asyncio.to_thread(_stats, told)  # a long call's would hold the loop up

    async def results(self, session_id: str) -> list[StoredResult]:
        """What the agents found."""
        if self.live(session_id) is None:
            await self.call(session_id)
        return await self._store.results(session_id)

    async def delete(self, session_id: str) -> None:
        """Ends a call and forgets it everywhere. ``StoreError`` while the store is away."""
        self._refuse_while_away()
        session = self.live(session_id)
        if session is not None:
            session.deleted = True
            await self._service.end_session(session_id)
            self._refuse_while_away()
        known = await self._store.delete(session_id)
        if session is not None:
            self._deleted.append(session_id)
            await self._service.delete_session(session_id)
        elif not known:
            raise _unknown(session_id)

    async def take_up(self, server: str) -> None:
        """Goes on with the calls that this server had begun before it died."""
        before = None
        while found := await self._store.calls(states=UNENDED, before=before, limit=MOST):
            for call in found:
                try:
                    await self._take_up(call, server)
                except Exception as error:  # noqa: BLE001 - the other calls, and the server, go on
                    _log.error("call_not_taken_up", session_id=call.session_id, exc_info=error)
            before = found[-1].started_at

    async def _take_up(self, call: StoredCall, server: str) -> None:
        told = await self._store.events(call.session_id)
        if told and told[0].get("server", "") != server:
            return  # another one's, which may be alive
        transcript = await self._store.transcript(call.session_id)
        self._service.take_up(Past(call, transcript, [parse_event(event) for event in told]))

    def _refuse_while_away(self) -> None:
        """What the journal holds of a call would bring it back when the store has forgotten it."""
        if self._ledger.away:
            raise StoreError(
                f"The call cannot be deleted now: the store is away ({self._ledger.away})."
            )

    @property
    def _store(self) -> Store:
        return self._ledger.store


def deleted() -> SessionClosed:
    """What those are told who speak in a call that somebody deletes."""
    return SessionClosed(
        "this call was deleted; what is said now is not written down", code="session_deleted"
    )


def _stats(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    talk = Talk()
    for event in told:
        if event["type"] in KINDS:
            talk.apply(parse_event(event))
    return talk.to_dict()


def _unknown(session_id: str) -> SessionNotFound:
    return SessionNotFound(f"there is no session {session_id[:64]}")
