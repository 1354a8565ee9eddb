"""Which engines listen to a leg, in which order, by its configuration.

May import ``engines``, ``errors`` and ``settings``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from callscribe.engines.base import ClipEngine, TranscriptionEngine
from callscribe.engines.rehearing import Hearer, RehearingEngine
from callscribe.engines.resilient import Onset, ResilientEngine, Rung
from callscribe.settings import TranscriptionConfig

CATCHING_UP: Final = 1.25
"""The pace at which Deepgram is sent audio that was kept; its documentation asks for no more."""


STAND_IN: Final = "whisper"
"""The engine that needs no key and no network."""

_log = structlog.get_logger(__name__)


class Ladders:
    """The engines of a deployment, by name, and what is made of them for a session."""

    def __init__(self, engines: Mapping[str, TranscriptionEngine]) -> None:
        self._engines = engines
        self._said_stand_in = False

    def choose(self, config: TranscriptionConfig) -> tuple[TranscriptionEngine, str | None]:
        """The engine for a session, and the name of the one it stands in for."""
        wanted = config.transcription_backend
        if wanted in self._engines:
            return self._resilient(config), None
        if not self._said_stand_in:
            self._said_stand_in = True
            _log.info("engine_stand_in", wanted=wanted, used=STAND_IN)
        here = config.model_copy(update={"transcription_backend": STAND_IN})
        return self._resilient(here), wanted

    def _resilient(self, config: TranscriptionConfig) -> TranscriptionEngine:
        """The engines of a configuration as one; where only this machine's is asked, that one."""
        rungs = ladder(config, self._engines)
        only = rungs[0].engine if len(rungs) == 1 and not rungs[0].provider else None
        engine = only or ResilientEngine(rungs, repairers=repairers(rungs), onset=Onset())
        again = hearers(rungs)
        if again and any(config.unsure_below.values()):
            return RehearingEngine(engine, again, config.unsure_below, rungs[0].name)
        return engine


def ladder(config: TranscriptionConfig, engines: Mapping[str, TranscriptionEngine]) -> list[Rung]:
    """The engine that the configuration asks for, then those that listen while it cannot.

    ``engines`` are those of this deployment, by name. The first of them must be among them.
    """
    backend = config.transcription_backend
    wanted: list[str] = [backend]
    if backend == "deepgram" and not config.deepgram_use_streaming:
        wanted = ["deepgram_rest"]
    wanted += [name for name in config.transcription_fallback if name not in wanted]
    if backend == "whisper":
        wanted = ["whisper"]  # nothing of a call may go to a cloud that was not asked for
    return [rung for name in wanted if (rung := _rung(name, engines)) is not None]


def repairers(rungs: Sequence[Rung]) -> list[Rung]:
    """Those of a ladder's engines that hear again what nobody heard, the more exact one first.

    Where one engine alone is asked for, it is not asked twice: a gap stays one.
    """
    if len(rungs) < 2:
        return []
    able = [rung for rung in rungs if not (rung.provider and rung.streaming)]
    return sorted(able, key=lambda rung: not rung.provider)


def hearers(rungs: Sequence[Rung]) -> list[Hearer]:
    """Those of a ladder's engines that hear unsure finals again, the more exact one first.

    Deepgram hears by requests what it is sent again, so it does where those were asked for.
    """
    able = [rung for rung in rungs if not (rung.provider and rung.streaming)]
    found = [
        Hearer(rung.engine, rung.name, rung.provider)
        for rung in able
        if isinstance(rung.engine, ClipEngine)
    ]
    return sorted(found, key=lambda hearer: not hearer.provider)


def _rung(name: str, engines: Mapping[str, TranscriptionEngine]) -> Rung | None:
    by_requests = name == "deepgram_rest"
    engine = engines.get("deepgram" if by_requests else name)
    if engine is None:
        return None
    if by_requests:
        return Rung(engine, name, provider="deepgram", streaming=False)
    if name == "deepgram":
        return Rung(engine, name, pace=CATCHING_UP, provider="deepgram")
    return Rung(engine, name)
