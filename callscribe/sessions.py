"""The sessions of this process: those that run, and the last of those that have ended.

May import ``session``, ``engines.base`` and core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from callscribe.engines.base import StreamingConnection
from callscribe.errors import SessionNotFound
from callscribe.session import Session

KEPT: Final = 50
"""Ended sessions that stay in memory; the oldest make room, and are read from the store."""


class Sessions:
    """Runs sessions and finds them by their ids; ``on_forget`` is told which are dropped."""

    def __init__(self, on_forget: Callable[[str], None]) -> None:
        self._sessions: dict[str, Session] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._on_forget = on_forget
        self.connections: Mapping[str, StreamingConnection] = _Connections(self._sessions)
        """The live legs' ways into their engine, by ``session_speaker``."""

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._sessions

    def __iter__(self) -> Iterator[Session]:
        """All in memory, in the order in which they began."""
        return iter(self._sessions.values())

    def __getitem__(self, session_id: str) -> Session:
        """The session with this id; ``SessionNotFound`` when there is none."""
        try:
            return self._sessions[session_id]
        except KeyError:
            raise SessionNotFound(
                f"no session {session_id[:64]} is going on; begin it first"
            ) from None

    def run(self, session: Session) -> None:
        """Takes a session in and runs it to its end."""
        session_id = session.session_id
        self._sessions[session_id] = session
        # The one loose task of the house: a session outlives the request that began it. It is
        # kept here, and waited for in ended().
        task = asyncio.create_task(session.run(), name=f"session {session_id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        over = [name for name, one in self._sessions.items() if one.ended.is_set()]
        for name in over[: max(0, len(over) - KEPT)]:
            self.forget(name)

    def forget(self, session_id: str) -> None:
        """Drops a session from memory. Idempotent."""
        if self._sessions.pop(session_id, None) is not None:
            self._on_forget(session_id)

    async def ended(self) -> None:
        """Waits until none runs any more."""
        while self._running:
            await asyncio.wait(self._running)


class _Connections(Mapping[str, StreamingConnection]):
    """The live legs of all sessions as they are when it is looked at."""

    def __init__(self, sessions: Mapping[str, Session]) -> None:
        self._sessions = sessions

    def _live(self) -> dict[str, StreamingConnection]:
        return {
            f"{session_id}_{leg.speaker}": leg.connection
            for session_id, session in self._sessions.items()
            for leg in session.legs.live
            if leg.connection is not None
        }

    def __getitem__(self, key: str) -> StreamingConnection:
        return self._live()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._live())

    def __len__(self) -> int:
        return len(self._live())
