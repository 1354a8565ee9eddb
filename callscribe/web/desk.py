"""The agents of this deployment, at work while the server runs.

May import ``agents`` and ``ledger``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from callscribe.agents.base import Agent
from callscribe.agents.runner import Runner
from callscribe.events import Event, FinalResult, SessionEnded
from callscribe.ledger import Ledger
from callscribe.shelf import Shelf

PATIENCE: Final = 5.0
"""Seconds that agents may take to finish what they are at when the server ends."""


class Desk:
    """The agents of this deployment, at work while the store is open."""

    def __init__(self, agents: Sequence[Agent], ledger: Ledger, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._agents = agents
        self._ledger = ledger
        self._runner: Runner | None = None

    def open(self) -> None:
        """They begin with what they have not seen yet, and are told of all that comes.

        To be called once, when the ledger is open.
        """
        self.runner.start()
        self._ledger.after.append(self._notice)

    async def close(self) -> None:
        """What is not done by now is done after the next start."""
        if self._runner is not None:
            await self._runner.close(PATIENCE)

    @property
    def runner(self) -> Runner:
        """Who runs them; ``StoreError`` before the ledger is open."""
        if self._runner is None:
            ledger = self._ledger
            self._runner = Runner(
                ledger.store,
                ledger.tell,
                self._agents,
                time.time,
                time.monotonic,
                is_elsewhere=ledger.is_elsewhere,
                shelf=self._shelf,
            )
        return self._runner

    def _notice(self, told: Sequence[Event], stored: bool) -> None:
        if stored:
            self.runner.take(told)
        else:
            self.runner.lose({event.session_id for event in told})
        for session_id in {e.session_id for e in told if isinstance(e, FinalResult | SessionEnded)}:
            self.runner.notice(session_id)
