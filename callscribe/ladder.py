"""Which engines listen to a leg, in which order, by its configuration.

May import ``engines`` and ``settings``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from callscribe.engines.base import TranscriptionEngine
from callscribe.engines.resilient import Rung
from callscribe.settings import TranscriptionConfig

CATCHING_UP: Final = 1.25
"""The pace at which Deepgram is sent audio that was kept; its documentation asks for no more."""


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
