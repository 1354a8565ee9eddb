"""Interims are told in one go, the last one of each leg, when all that has come has been read.

Each restates the one before: to pass on what nobody can read any more would put a server that is
behind further behind. And what tells one is still in the processor's caches for the next: between
frames and other messages an interim costs a third more. Finals are told in the moment they come.
May import ``transcript``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context

import structlog

from callscribe.transcript import Result

_log = structlog.get_logger(__name__)


class Turn:
    """What several connections hold back until the end of this turn of the event loop."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[Latest, None] = {}

    def add(self, latest: Latest) -> None:
        """Has it told soon."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._tell)
        self._held[latest] = None

    def _tell(self) -> None:
        held, self._held = self._held, {}
        for latest in held:
            try:
                latest.tell()  # who stands in line behind much is told the latest of it
            except (Exception, asyncio.CancelledError):  # noqa: BLE001 - others are to be told
                _log.exception("interim_not_told")


class Latest:
    """Hands one connection's results on to ``put``, which must not raise.

    What is begun for them belongs to who made this, whoever's turn it is.
    """

    __slots__ = ("_context", "_held", "_put", "_turn")

    def __init__(self, put: Callable[[Result], bool], turn: Turn) -> None:
        self._put = put
        self._turn = turn
        self._held: Result | None = None
        self._context = copy_context()

    def put(self, result: Result) -> bool:
        """Hands on a final at once, an interim unless something newer comes in the same turn.

        Whether very much is still to be told.
        """
        if result.is_final:  # it says what was held back, and more
            self._held = None
            return self._put(result)
        self._turn.add(self)
        self._held = result
        return False

    def tell(self) -> bool:
        """Hands on what is held back. Whether very much is still to be told."""
        held, self._held = self._held, None
        return held is not None and self._context.run(self._put, held)
