"""Waiting for a store that is away, and for the time of the next attempt.

May import ``agents.attempt``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from callscribe.agents.attempt import Retries, name_of
from callscribe.flag import Flag

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Closing(Exception):
    """There is no more time: what is not done is done after the next start."""


class Patience:
    """Pauses between attempts; none of them is waited for once it is ``over``."""

    def __init__(self, retries: Retries) -> None:
        self.over = Flag()
        self.retries = retries

    async def insist(
        self,
        work: Callable[[], Awaitable[T]],
        agent: str,
        session_id: str = "",
        *,
        on: type[Exception] = Exception,
    ) -> T:
        """What the store gives, however often it has to be asked; ``Closing`` when it is over.

        ``work`` is tried again after an error of the kind ``on``; others are raised.
        """
        failed = 0
        while True:
            try:
                return await work()
            except on as error:  # the store may be gone for a while
                failed += 1
                _log.error(
                    "agent_waits_for_store",
                    agent=agent,
                    session_id=session_id,
                    error=name_of(error.__cause__ or error),
                )
            await self.pause(failed)
            if self.over.is_set():
                raise Closing

    async def pause(self, failed: int) -> None:
        """The pause after so many attempts that failed."""
        try:
            async with asyncio.timeout(self.retries.pause(failed)):
                await self.over.wait()
        except TimeoutError:
            return
