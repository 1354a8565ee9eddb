"""When the open piece of a leg is worth a request of its own, so that there is text meanwhile.

Pure: times are leg seconds. Imports nothing of Callscribe.
"""

from __future__ import annotations

from typing import Final

EVERY: Final = 1.5
"""Seconds of new audio between two looks, and before the first."""
REST: Final = 2.0
"""A look that took t seconds is followed by the next after REST x t of new audio, at the least."""
PATIENCE: Final = 2.0
"""Seconds that a look may take: the piece may be waiting to be sent."""


class Peeks:
    """How far the open piece of one leg has been looked at."""

    def __init__(self) -> None:
        self._seen = 0.0
        self._wait = EVERY

    def are_due(self, start: float, end: float) -> bool:
        """Whether a piece that goes from ``start`` to ``end`` by now is to be looked at."""
        return end - max(start, self._seen) >= self._wait

    def looked(self, end: float, took: float) -> None:
        """It was looked at up to ``end``, in ``took`` seconds."""
        self._seen = end
        self._wait = max(EVERY, REST * took)
