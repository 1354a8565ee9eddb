"""The store in a database: SQLite or PostgreSQL, one code for both.

Every method is one transaction. May import the rest of ``store`` and core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from callscribe.events import Event
from callscribe.store import progress, reading, writing
from callscribe.store.base import CallState, DeadLetter, StoredCall, StoredResult
from callscribe.store.database import Database
from callscribe.store.rows import prepare
from callscribe.store.schema import calls
from callscribe.transcript import Gap, Transcript

ON_THE_LOOP = 32
"""Events that may be encoded on the event loop; more are encoded in a thread."""


class SqlStore:
    """What ``store.base.Store`` promises; its docstrings say what each method does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, events: Sequence[Event]) -> None:
        """Keeps durable events: all of them or none, on disk when it returns."""
        events = [event for event in events if event.durable]
        if not events:
            return
        if self._database.is_sqlite:  # it is written in a thread anyway
            await self._database.write(writing.prepare_and_append, events)
        elif len(events) <= ON_THE_LOOP:
            await self._database.write(writing.append, prepare(events))
        else:
            prepared = await asyncio.to_thread(prepare, events)
            await self._database.write(writing.append, prepared)

    async def events(
        self, session_id: str, since: int = 0, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """The events of a session numbered above ``since``, in order, in their JSON form."""
        return await self._database.read(reading.read_events, session_id, since, limit)

    async def call(self, session_id: str) -> StoredCall | None:
        """One call; None when there is none."""
        only = calls.c.session_id == session_id
        found = await self._database.read(reading.read_calls, only, search="", limit=1)
        return found[0] if found else None

    async def calls(
        self,
        *,
        search: str = "",
        states: Sequence[CallState] = (),
        before: float | None = None,
        limit: int = 50,
    ) -> list[StoredCall]:
        """Calls, the latest first."""
        asked = reading.asked(states, before)
        return await self._database.read(reading.read_calls, asked, search, limit)

    async def transcript(self, session_id: str) -> Transcript:
        """What was said, in order, revisions applied."""
        said, gaps = await self._database.read(reading.read_transcript, session_id)
        return Transcript(session_id, said, gaps)

    async def revisions(self, session_id: str, utterance_id: str) -> list[dict[str, Any]]:
        """Every closed version of an utterance, the first one first."""
        return await self._database.read(reading.read_revisions, session_id, utterance_id)

    async def gaps(self, session_id: str) -> list[Gap]:
        """What nobody heard, in order."""
        return await self._database.read(reading.read_gaps, session_id)

    async def results(self, session_id: str) -> list[StoredResult]:
        """What the agents found, in order."""
        return await self._database.read(reading.read_results, session_id)

    async def delete(self, session_id: str) -> bool:
        """Forgets a call with all that hangs on it; false when there was none."""
        return await self._database.write(writing.remove, session_id)

    async def cursor(self, agent: str, session_id: str) -> int:
        """The number of the last event that an agent has done with; 0 at first."""
        return await self._database.read(progress.read_cursor, agent, session_id)

    async def advance(self, agent: str, session_id: str, seq: int) -> None:
        """Notes that an agent has done with all events up to ``seq``."""
        await self._database.write(progress.advance_all, {(agent, session_id): seq})

    async def advance_all(self, done: Mapping[tuple[str, str], int]) -> Collection[str]:
        """Notes how far many agents are, all of them or none; gives the sessions not there."""
        return await self._database.write(progress.advance_all, done)

    async def behind(self, agent: str) -> list[str]:
        """The sessions with finals, or an end, above the agent's cursor, the oldest first."""
        return await self._database.read(progress.read_behind, agent)

    async def bury(self, letter: DeadLetter) -> None:
        """Keeps a dead letter; one with the same id is replaced."""
        await self._database.write(progress.bury, letter)

    async def letters(self, agent: str = "", letter_id: str = "") -> list[DeadLetter]:
        """The dead letters, the oldest first."""
        return await self._database.read(progress.read_letters, agent, letter_id)

    async def drop_letter(self, letter_id: str) -> bool:
        """Forgets a dead letter; false when there was none."""
        return await self._database.write(progress.drop_letter, letter_id)

    async def close(self) -> None:
        """Lets the database go. Idempotent."""
        await self._database.close()
