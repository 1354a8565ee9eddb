"""When a final is unsure: the mean confidence of its words is under its language's threshold.

Core: no I/O; may import ``transcript``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from callscribe.transcript import Result, mean_confidence

ANY: Final = "*"
"""The threshold of languages that have none of their own."""


class Sureness:
    """The thresholds of a configuration, by language; 0: nothing of that language is unsure."""

    def __init__(self, below: Mapping[str, float]) -> None:
        self._below = dict(below)

    def is_unsure(self, result: Result, language: str = "") -> bool:
        """Whether the words of a final, in its own language or else this one, are unsure."""
        found = result.language or language
        below = self._below.get(found, self._below.get(ANY, 0.0))
        return bool(result.words) and mean_confidence(result.words) < below

    def marked(self, result: Result, language: str = "") -> Result:
        """A final with that said of it; interims as they are."""
        if not result.is_final:
            return result
        unsure = self.is_unsure(result, language)
        return result if unsure == result.unsure else replace(result, unsure=unsure)
