"""What a leg asks of every engine, and how connections are opened with it and let go.

May import ``engines.base``, ``errors`` and its own room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import structlog

from callscribe.engines.base import (
    Abandonable,
    OnFull,
    StreamingConnection,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.resilient.rules import Rung
from callscribe.errors import ConfigurationError

LEAVING: Final = 2.0
"""Seconds for a connection of which nothing more is wanted, where it cannot be let go at once."""

RELIED_ON: Final = {
    "redact": "Nothing is redacted: deepgram_redact holds for Deepgram alone.",
    "diarize": "Voices on one line are not told apart: deepgram_diarize holds for Deepgram alone.",
}
"""What Deepgram does and Whisper does not, by the option that asks for it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ask:
    """A leg's language, rate and options; the same for every engine."""

    session_id: str
    language: str
    sample_rate: int
    options: StreamOptions

    async def enter(
        self,
        rung: Rung,
        hear: TranscriptCallback,
        *,
        streaming: bool,
        stands_in: bool = False,
        on_full: OnFull | None = None,
    ) -> StreamingConnection:
        """Opens an engine as the leg wants it. Its errors; one for a language it does not know.

        ``stands_in``: what is said by requests is live text, where the leg wants that.
        """
        able = rung.engine.capabilities
        known = able.auto_language if self.language == "auto" else self.language in able.languages
        if not known:
            raise ConfigurationError(f"{rung.name} does not know {self.language!r}")
        wanted = self.options.streaming
        options = replace(
            self.options,
            streaming=streaming and wanted,
            stands_in=stands_in and wanted and self.options.interim_results,
            on_full=on_full,
        )
        return await rung.engine.transcribe_streaming(
            self.session_id, self.language, self.sample_rate, hear, options=options
        )


async def leave(way: StreamingConnection) -> None:
    """Lets go of a connection of which nothing more is wanted; never raises."""
    try:
        if isinstance(way, Abandonable):
            await way.abandon()
        else:
            async with asyncio.timeout(LEAVING):
                await way.close()
    except Exception as error:  # noqa: BLE001 - it is of no use any more
        _log.warning("engine_not_closed", problem=type(error).__name__)


def caveat(query: Iterable[tuple[str, str]]) -> str:
    """What a person has to know who asked this of Deepgram and gets Whisper instead; "" if nothing.

    Other options that only Deepgram has change how the text looks; these are relied on.
    """
    asked = {name for name, _ in query}
    return " ".join(what for name, what in RELIED_ON.items() if name in asked)
