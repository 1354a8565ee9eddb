"""Interims are told in one go, the last one of each leg, when all that has come has been read.

Each restates the one before: to pass on what nobody can read any more would put a server that is
behind further behind. And what tells one is still in the processor's caches for the next: between
frames and other messages an interim costs a third more. Finals are told in the moment they come.
May import ``tick`` and ``transcript``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context

from callscribe.tick import Tick
from callscribe.transcript import Result


class Latest:
    """Hands one connection's results on to ``put``, which must not raise.

    What is begun for them belongs to who made this, whoever's turn it is.
    """

    __slots__ = ("_context", "_held", "_put", "_tick", "_waits")

    def __init__(self, put: Callable[[Result], bool], tick: Tick) -> None:
        self._put = put
        self._tick = tick
        self._waits = False
        """Its turn is to come."""
        self._held: Result | None = None
        self._context = copy_context()

    def put(self, result: Result) -> bool:
        """Hands on a final at once, an interim unless something newer comes in the same turn.

        Whether very much is still to be told.
        """
        if result.is_final:  # it restates what was held back
            self._held = None
            return self._put(result)
        if not self._waits:
            self._waits = True
            self._tick.tell(self._end)
        self._held = result
        return False

    def tell(self) -> bool:
        """Hands on what is held back. Whether very much is still to be told."""
        held, self._held = self._held, None
        return held is not None and self._context.run(self._put, held)

    def _end(self) -> None:
        self._waits = False
        self.tell()  # who stands in line behind much is told the latest of it
