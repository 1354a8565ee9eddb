"""Of interims that arrive together only the last one is told.

They do where the event loop, the network or the server is behind: each restates the one before, and
to pass on what nobody can read any more would put us further behind. Finals are always told. May
import ``transcript``.
"""

from __future__ import annotations

from collections.abc import Callable

from callscribe.transcript import Result


class Latest:
    """Hands results on to ``put``, which says whether very much is still to be told."""

    __slots__ = ("_held", "_put")

    def __init__(self, put: Callable[[Result], bool]) -> None:
        self._put = put
        self._held: Result | None = None

    def put(self, result: Result, *, more: bool) -> bool:
        """Hands a result on, an interim only when what came with it (``more``) says nothing newer.

        Whether very much is still to be told.
        """
        self._held = result if more and not result.is_final else None
        return self._held is None and self._put(result)

    def tell(self) -> bool:
        """What was held back is the latest: it is told. Whether very much is still to be told."""
        held, self._held = self._held, None
        return held is not None and self._put(held)
