"""Who hears unsure finals again: the engines at hand, the more exact one first.

May import ``audio``, ``engines.base`` and ``errors``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from callscribe.audio import FloatArray
from callscribe.engines.base import ClipEngine, StreamOptions
from callscribe.errors import CallscribeError
from callscribe.transcript import Result

PAUSE: Final = 60.0
"""Seconds for which an engine that could not be asked is not asked again."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hearer:
    """An engine, and what its finals are called where it listens itself."""

    engine: ClipEngine
    name: str
    provider: str = ""
    """Whose it is, where it is not on this machine."""


class Hearers:
    """Asks the engines in their order; one leg's."""

    def __init__(
        self, hearers: Sequence[Hearer], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._hearers = tuple(hearers)
        self._monotonic = monotonic
        self._away: dict[str, float] = {}

    def over(self, said_by: str) -> list[Hearer]:
        """Those that are at least as exact as the engine of that name."""
        provider = said_by.partition("_")[0]
        mine = next((i for i, h in enumerate(self._hearers) if h.name.startswith(provider)), -1)
        return list(self._hearers[: mine + 1]) if mine >= 0 else []

    async def hear(
        self, said_by: str, audio: FloatArray, language: str, options: StreamOptions
    ) -> tuple[str, Result] | None:
        """What the first that can makes of a clip (16 kHz), and its name; None where none can."""
        for hearer in self.over(said_by):
            if self._away.get(hearer.name, float("-inf")) > self._monotonic():
                continue
            try:
                found = await hearer.engine.transcribe_clip(audio, language, options=options)
            except CallscribeError as error:
                _log.warning("not_heard_again", engine=hearer.name, code=error.code)
            except Exception:  # noqa: BLE001 - the first hearing stands, the call goes on
                _log.exception("not_heard_again", engine=hearer.name)
            else:
                return hearer.name, found
            self._away[hearer.name] = self._monotonic() + PAUSE
        return None
