"""``RehearingEngine``: an engine whose unsure finals are heard again and corrected.

May import ``engines.base`` and its own room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callscribe.engines.base import (
    Audience,
    Capabilities,
    StreamOptions,
    TranscriptCallback,
    TranscriptionEngine,
)
from callscribe.engines.rehearing.connection import RehearingConnection
from callscribe.engines.rehearing.hearers import Hearer, Hearers
from callscribe.sureness import Sureness


class RehearingEngine:
    """What ``engine`` is unsure of is heard again by the first of ``hearers`` that can.

    A final is unsure whose words' mean confidence is under ``below``, by language. ``listening`` is
    what the engine is called that listens first. The engines belong to who made them, and are
    closed there.
    """

    def __init__(
        self,
        engine: TranscriptionEngine,
        hearers: Sequence[Hearer],
        below: Mapping[str, float],
        listening: str = "",
    ) -> None:
        self._engine = engine
        self._hearers = tuple(hearers)
        self._sureness = Sureness(below)
        self._listening = listening or engine.name

    @property
    def name(self) -> str:
        """The name of the engine that listens."""
        return self._engine.name

    @property
    def max_legs(self) -> int:
        """How many legs it carries at once; 0 for no limit."""
        return int(getattr(self._engine, "max_legs", 0))

    @property
    def model(self) -> str:
        """Its model, where it says so."""
        return str(getattr(self._engine, "model", ""))

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._engine.capabilities

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> RehearingConnection:
        """Opens a leg; raises what the engine raises."""
        options = options or StreamOptions()
        connection = RehearingConnection(
            session_id,
            language,
            sample_rate,
            options,
            self._sureness,
            Hearers(self._hearers),
            self._listening,
            on_transcript,
        )
        connection.listens(self._listening)
        try:
            inner = await self._engine.transcribe_streaming(
                session_id,
                language,
                sample_rate,
                Audience(connection.hear, connection.show),
                options=options,
            )
        except BaseException:
            await connection.close()
            raise
        connection.follow(inner)
        return connection

    async def close(self) -> None:
        """Nothing is held here."""
