"""When the open piece of a leg is worth a request of its own, so that there is text meanwhile.

Pure: times are leg seconds. Imports nothing of Callscribe.
"""

from __future__ import annotations

from typing import Final

EVERY: Final = 1.5
"""Seconds of new audio between two looks, and of speech before the first, at the least."""
SHARE: Final = 0.5
"""The share of a piece that is to be new: each look sends all of it, and all of it is paid for. So
a piece is sent three times in all at the most, however long it grows."""
REST: Final = 2.0
"""A look that took t seconds is followed by the next after REST x t of new audio, at the least."""
PATIENCE: Final = 5.0
"""Seconds that a look may take."""
LONGEST: Final = 30.0
"""Seconds of new audio between two looks, at the most, while they fail."""


class Peeks:
    """How far the open piece of one leg has been looked at."""

    def __init__(self) -> None:
        self._seen = 0.0
        self._wait = EVERY

    def are_due(self, spoken_from: float, end: float) -> bool:
        """Whether to look at a piece in which somebody has spoken since ``spoken_from``."""
        new = end - max(spoken_from, self._seen)
        return new >= max(self._wait, SHARE * (end - spoken_from))

    def looked(self, end: float, took: float) -> None:
        """It was looked at up to ``end``, in ``took`` seconds."""
        self._seen = end
        self._wait = max(EVERY, REST * took)

    def failed(self, end: float) -> None:
        """The look at what goes up to ``end`` failed: the next one can wait."""
        self._seen = end
        self._wait = min(2 * self._wait, LONGEST)
