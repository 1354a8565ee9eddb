"""Deepgram by socket or by requests, as each leg asks for. May import its own room."""

from __future__ import annotations

import asyncio

from callscribe.audio import FloatArray
from callscribe.engines.base import (
    BudgetUse,
    Capabilities,
    StreamingConnection,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.deepgram.batch import DeepgramBatchService
from callscribe.engines.deepgram.service import DeepgramTranscriptionService
from callscribe.transcript import Result


class DeepgramEngine:
    """Both ways to Deepgram behind one door; ``StreamOptions.streaming`` chooses.

    ``streams`` and ``requests`` are how many of each there may be at once, 0 for no limit.
    """

    def __init__(self, api_key: str, *, base_url: str, streams: int = 0, requests: int = 0) -> None:
        self._streaming = DeepgramTranscriptionService(api_key, base_url=base_url, streams=streams)
        self._batch = DeepgramBatchService(api_key, base_url=base_url, requests=requests)

    @property
    def name(self) -> str:
        """``deepgram``."""
        return self._streaming.name

    @property
    def capabilities(self) -> Capabilities:
        """Those of streaming."""
        return self._streaming.capabilities

    @property
    def budgets(self) -> tuple[BudgetUse, ...]:
        """How many streams and requests are in use."""
        return (self._streaming.budget.use, self._batch.budget.use)

    async def warm(self) -> None:
        """Loads what the first stream would have to wait for."""
        await self._streaming.warm()

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> StreamingConnection:
        """Opens a leg; errors as in both."""
        options = options or StreamOptions()
        way = self._streaming if options.streaming else self._batch
        return await way.transcribe_streaming(
            session_id, language, sample_rate, on_transcript, options=options
        )

    async def transcribe_clip(
        self, audio: FloatArray, language: str, *, options: StreamOptions | None = None
    ) -> Result:
        """A short stretch in one request."""
        return await self._batch.transcribe_clip(audio, language, options=options)

    async def close(self) -> None:
        """Ends all legs. Idempotent."""
        await asyncio.gather(self._streaming.close(), self._batch.close())
