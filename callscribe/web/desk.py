"""The agents of this deployment, at work while the server runs.

May import ``agents``, ``ledger``, ``store.base`` and ``errors``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from callscribe.agents.base import Agent
from callscribe.agents.runner import Runner
from callscribe.errors import StoreError
from callscribe.events import Event, FinalResult, SessionEnded
from callscribe.ledger import Ledger
from callscribe.store.base import Store

PATIENCE: Final = 5.0
"""Seconds that agents may take to finish what they are at when the server ends."""


class Desk:
    """The agents of this deployment, at work while the store is open."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._agents = agents
        self._runner: Runner | None = None
        self._store: Store | None = None

    def open(self, store: Store, ledger: Ledger) -> None:
        """They begin with what they have not seen yet, and are told of all that comes."""
        self._store = store
        self._runner = Runner(store, ledger.tell, self._agents, time.time, time.monotonic)
        ledger.after.append(self._notice)
        self._runner.start()

    async def close(self) -> None:
        """What is not done by now is done after the next start."""
        if self._runner is not None:
            await self._runner.close(PATIENCE)

    @property
    def runner(self) -> Runner:
        """Who runs them; ``StoreError`` before ``open``."""
        if self._runner is None:
            raise StoreError("the store has not been opened yet; try again")
        return self._runner

    @property
    def store(self) -> Store:
        """Where the dead letters are; ``StoreError`` before ``open``."""
        if self._store is None:
            raise StoreError("the store has not been opened yet; try again")
        return self._store

    def _notice(self, told: Sequence[Event]) -> None:
        for session_id in {e.session_id for e in told if isinstance(e, FinalResult | SessionEnded)}:
            self.runner.notice(session_id)
