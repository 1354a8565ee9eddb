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
from callscribe.errors import CallscribeError, CapacityError
from callscribe.transcript import Result

PAUSE: Final = 60.0
"""Seconds for which an engine that could not be asked is not asked again."""

HERE: Final = "whisper"
"""The engine on this machine. What it says may be heard again by all, what Deepgram's stream says
by Deepgram's requests; what those say by themselves where they guessed, with more around it, and
else by nobody: they would hear the same."""

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

    def over(self, said_by: str, *, guessed: bool = False) -> list[Hearer]:
        """Those that are more exact than the engine of that name, or hear with more around it."""
        if said_by == HERE:
            return list(self._hearers)
        return [
            h for h in self._hearers if h.provider == said_by or (guessed and h.name == said_by)
        ]

    async def ask(
        self, hearer: Hearer, audio: FloatArray, language: str, options: StreamOptions
    ) -> Result | None:
        """What one of them makes of a clip (16 kHz); None where it cannot, or not now."""
        if self._away.get(hearer.name, float("-inf")) > self._monotonic():
            return None
        try:
            return await hearer.engine.transcribe_clip(audio, language, options=options)
        except CapacityError:
            return None  # live legs need it
        except CallscribeError as error:
            _log.warning("not_heard_again", engine=hearer.name, code=error.code)
        except Exception:  # noqa: BLE001 - the first hearing stands, the call goes on
            _log.exception("not_heard_again", engine=hearer.name)
        self._away[hearer.name] = self._monotonic() + PAUSE
        return None
