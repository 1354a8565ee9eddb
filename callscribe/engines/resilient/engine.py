"""``ResilientEngine``: an engine made of engines, of which one listens at a time.

May import ``engines.base`` and its own room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from callscribe.engines.base import Capabilities, StreamOptions, TranscriptCallback
from callscribe.engines.resilient.ask import Ask
from callscribe.engines.resilient.connection import ResilientConnection
from callscribe.engines.resilient.onset import Onset
from callscribe.engines.resilient.rules import Patience, Rung

ALONE: Final = Patience(replay=60.0)
"""Where nobody hears a gap again, more is kept from becoming one: the text may be late for four
minutes then, for it is sent at 1.25 times the pace of speech."""


class ResilientEngine:
    """The first of ``rungs`` listens; while it cannot, the next one does, with what was missed.

    What nobody heard is heard again by the first of ``repairers`` that can, in the background. With
    an ``onset`` the silence before what is heard again is left out.
    The engines themselves belong to who made them, and are closed there.
    """

    def __init__(
        self,
        rungs: Sequence[Rung],
        patience: Patience | None = None,
        repairers: Sequence[Rung] = (),
        onset: Onset | None = None,
    ) -> None:
        self._rungs = tuple(rungs)
        self._repairers = tuple(repairers)
        self._onset = onset
        self._patience = patience or (Patience() if repairers else ALONE)

    @property
    def name(self) -> str:
        """The first engine's name."""
        return self._rungs[0].engine.name

    @property
    def max_legs(self) -> int:
        """How many legs it carries at once; 0 for no limit, and where others stand behind it."""
        return 0 if len(self._rungs) > 1 else getattr(self._rungs[0].engine, "max_legs", 0)

    @property
    def model(self) -> str:
        """The model of the last engine; each leg chooses that of the others."""
        return str(getattr(self._rungs[-1].engine, "model", ""))

    @property
    def capabilities(self) -> Capabilities:
        """What the first one can do; languages that only others have are taken too."""
        able = self._rungs[0].engine.capabilities
        known = able.languages.union(*(r.engine.capabilities.languages for r in self._rungs))
        return replace(able, languages=known)

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> ResilientConnection:
        """Opens a leg with the first engine that can listen.

        The last engine's error where none ever will. Where one may come back the leg is open all
        the same: what is said meanwhile is kept.
        """
        ask = Ask(session_id, language, sample_rate, options or StreamOptions())
        connection = ResilientConnection(
            self._rungs,
            ask,
            on_transcript,
            self._patience,
            repairers=self._repairers,
            onset=self._onset,
        )
        try:
            await connection.begin()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """Nothing is held here."""
