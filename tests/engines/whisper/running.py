"""The local engine with the real model, and speech played to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callscribe.engines.base import (
    EngineEvent,
    StreamOptions,
)
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.transcript import Result
from tests.speech import MODELS


@asynccontextmanager
async def whisper(max_legs: int = 8) -> AsyncIterator[WhisperTranscriptionService]:
    service = WhisperTranscriptionService(
        lambda: resolve_model("base", MODELS), threads=2, max_legs=max_legs
    )
    try:
        yield service
    finally:
        await service.close()


async def play(
    service: WhisperTranscriptionService,
    pcm: bytes,
    rate: int,
    *,
    language: str = "fr",
    pace: float = 6.0,
    keyterms: tuple[str, ...] = (),
) -> list[Result]:
    """Sends audio in 20 ms frames, ``pace`` times as fast as speech; what came back."""
    results: list[Result] = []

    def hear(result: EngineEvent) -> None:
        if isinstance(result, Result):
            results.append(result)

    connection = await service.transcribe_streaming(
        "s", language, rate, hear, options=StreamOptions(keyterms=keyterms)
    )
    size = rate // 50 * 2
    for at in range(0, len(pcm), size):
        await connection.send_audio(pcm[at : at + size])
        if at % (10 * size) == 0:
            await asyncio.sleep(0.2 / pace)
    await connection.close()
    assert not connection.is_connected
    return results


def said(results: list[Result]) -> str:
    return " ".join(r.text for r in results if r.is_final)
