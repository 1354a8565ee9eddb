"""``WhisperTranscriptionService``: the local engine behind the contract of ``engines/base.py``.

May import ``errors``, ``transcript``, ``vad``, ``languages``, ``engines.base``,
``engines.telling`` and its own room.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from callscribe import logs
from callscribe.allocator import give_back
from callscribe.audio import FloatArray
from callscribe.engines.base import (
    Capabilities,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.silero import SileroModel, shared
from callscribe.engines.whisper.again import decode_again
from callscribe.engines.whisper.batch import Cutter, Recording
from callscribe.engines.whisper.capacity import measure_capacity
from callscribe.engines.whisper.conductor import Conductor
from callscribe.engines.whisper.connection import WhisperConnection
from callscribe.engines.whisper.decoder import WHAT_TO_DO, WhisperDecoder
from callscribe.engines.whisper.stream import LegStream
from callscribe.engines.whisper.tuning import tune_process
from callscribe.engines.whisper.turns import Turns
from callscribe.engines.whisper.vocabulary import vocabulary_prompt
from callscribe.errors import (
    CallscribeError,
    CapacityError,
    ConfigurationError,
    EngineError,
    ModelError,
)
from callscribe.languages import LANGUAGES
from callscribe.transcript import Result
from callscribe.vad import EndpointRules

log = structlog.get_logger(__name__)

MOST_RECORDINGS: Final = 8
"""Recordings that may wait for their turn."""
CALM: Final = 8.0
"""Seconds that a clip waits for live legs."""
YIELD, YIELDS = 0.1, 20
"""A recording's next step waits so many times so many seconds for live legs."""


class WhisperTranscriptionService:
    """Whisper on this machine, streaming: many legs share one model.

    ``locate`` gives the model's folder; it may fetch the model and is called off the event loop,
    once, by ``start`` or by the first leg. ``threads`` 0 takes all cores; ``max_legs`` 0 measures
    how many legs the machine carries.
    """

    name = "whisper"

    def __init__(self, locate: Callable[[], Path], *, threads: int = 0, max_legs: int = 0) -> None:
        logs.ensure()
        self._locate = locate
        self._threads = threads or os.cpu_count() or 1
        self._wanted_legs = max_legs
        self._loading = Turns()
        self._recording = Turns()
        self._clips = Turns()
        self._second = ThreadPoolExecutor(1, thread_name_prefix="whisper-again")
        self._rested_at = 0.0
        """When the next clip may be heard, monotonic."""
        self._recordings = 0
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="whisper-load")
        self._closed = False
        self.max_legs = max_legs
        """How many legs are taken at once; 0 until the model is loaded and measured."""
        self.decoder: WhisperDecoder | None = None
        self.model = ""
        """The model's name once it is loaded, for example ``whisper-base``."""
        self._silero: SileroModel | None = None
        self._conductor: Conductor | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Streaming with interims, all of Whisper's languages, and language detection."""
        return Capabilities(True, True, frozenset(LANGUAGES), auto_language=True)

    @property
    def is_ready(self) -> bool:
        """The model is loaded."""
        return self._conductor is not None

    @property
    def legs(self) -> int:
        """How many legs are open."""
        return self._conductor.legs if self._conductor else 0

    async def start(self) -> None:
        """Loads the model and measures the machine; at once if that was done before.

        ``ModelError`` if the model is missing or wrong.
        """
        async with self._loading.lock:
            if self._conductor is None:
                if self._closed:
                    raise EngineError("the Whisper engine has been closed")
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._loader, self._load)

    def _load(self) -> None:
        if self._conductor is not None:
            return  # a start that was cancelled has come through all the same
        tune_process()
        folder = self._locate()
        try:
            decoder = WhisperDecoder(folder, threads=self._threads)
            self._silero = shared()
            self.max_legs = self._wanted_legs or measure_capacity(decoder)
            give_back()
        except CallscribeError:
            raise
        except Exception as error:  # the libraries below have errors of every kind
            raise ModelError(
                f"the model in {folder} cannot be used ({error}); {WHAT_TO_DO}"
            ) from error
        self.decoder = decoder
        self.model = folder.name
        self._conductor = Conductor(decoder)
        log.info("whisper_ready", model=folder.name, threads=self._threads, legs=self.max_legs)

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> WhisperConnection:
        """Opens a leg: 16-bit mono PCM at ``sample_rate`` Hz in, results by ``on_transcript``.

        ``CapacityError`` if the machine is full, ``ConfigurationError`` for an unknown language.
        """
        if language != "auto" and language not in LANGUAGES:
            raise ConfigurationError(
                f"Whisper does not know the language {language!r}; use a code such as fr, en "
                "or auto",
                code="bad_language",
            )
        await self.start()
        conductor, silero = self._conductor, self._silero
        if conductor is None or silero is None:
            raise EngineError("the Whisper engine has been closed")
        if conductor.legs >= self.max_legs:
            raise CapacityError(
                f"this machine carries {self.max_legs} legs at once and all are taken; "
                "try again when a call has ended, or set CALLSCRIBE_MAX_LEGS"
            )
        options = options or StreamOptions()
        rules = EndpointRules()
        if options.endpointing_ms is not None:
            rules = EndpointRules(
                endpoint=options.endpointing_ms / 1000,
                pause=min(rules.pause, options.endpointing_ms / 2000),
                hurried_endpoint=min(rules.hurried_endpoint, options.endpointing_ms / 1000),
            )
        stream = LegStream(
            sample_rate=sample_rate,
            language=language,
            detect=silero.stream(),
            rules=rules,
            keyterms=options.keyterms,
            interim_results=options.interim_results,
            language_each_time=options.language_each_time,
        )
        return WhisperConnection(session_id, conductor, stream, on_transcript, options.encoding)

    async def transcribe_blocks(
        self,
        blocks: AsyncIterator[FloatArray],
        language: str,
        *,
        keyterms: tuple[str, ...] = (),
        on_progress: Callable[[float], None] | None = None,
    ) -> list[Result]:
        """Transcribes a recording that comes in blocks (16 kHz, -1 to 1): finals in order.

        ``language`` may be ``auto``. ``on_progress`` is told the seconds that are done. One at a
        time, and live legs come first; ``CapacityError`` when too many wait already.
        """
        await self.start()
        if self._recordings > MOST_RECORDINGS:
            raise CapacityError(
                f"{MOST_RECORDINGS} recordings wait already; send this one again in a while"
            )
        self._recordings += 1
        try:
            async with self._recording.lock:
                return await self._transcribe(blocks, language, keyterms, on_progress)
        finally:
            self._recordings -= 1

    async def transcribe_clip(
        self, audio: FloatArray, language: str, *, options: StreamOptions | None = None
    ) -> Result:
        """Hears up to 30 s (16 kHz, -1 to 1) in one window: slowly, and more exactly.

        ``language`` may be ``auto``. One at a time, as long again as the last one took behind it,
        and begun only while nothing is decoded for a live leg: ``CapacityError`` where it is for
        ``CALM`` s.
        """
        await self.start()
        prompt = vocabulary_prompt(options.keyterms if options else ())
        async with self._clips.lock:
            await self._calm()
            began = time.monotonic()
            loop = asyncio.get_running_loop()
            try:
                # On a thread of its own: a caller that gives up leaves the one decode behind.
                return await loop.run_in_executor(
                    self._second, self._hear_clip, audio, language, prompt
                )
            finally:
                now = time.monotonic()
                self._rested_at = now + (now - began)

    async def _calm(self) -> None:
        """Waits until no final of a live leg waits, and the last clip is long enough ago."""
        late = time.monotonic() + CALM
        while True:
            conductor, now = self._conductor, time.monotonic()
            if now >= self._rested_at and (conductor is None or conductor.is_idle):
                return
            if now > late:
                raise CapacityError("live legs need the recogniser; nothing is heard again now")
            await asyncio.sleep(YIELD)

    def _hear_clip(self, audio: FloatArray, language: str, prompt: str) -> Result:
        decoder = self.decoder
        if decoder is None:
            raise EngineError("the Whisper engine has been closed")
        return decode_again(decoder, audio, language, prompt)

    async def _transcribe(
        self,
        blocks: AsyncIterator[FloatArray],
        language: str,
        keyterms: tuple[str, ...],
        on_progress: Callable[[float], None] | None,
    ) -> list[Result]:
        decoder, silero = self.decoder, self._silero
        if decoder is None or silero is None:
            raise EngineError("the Whisper engine has been closed")
        cutter, prompt = Cutter(silero.stream()), vocabulary_prompt(keyterms)
        work = Recording(decoder, cutter, language, prompt, self._live_first)
        results: list[Result] = []
        async for block in blocks:
            results += await asyncio.to_thread(work.push, block)
            if on_progress is not None:
                on_progress(work.done)
        results += await asyncio.to_thread(work.finish)
        if on_progress is not None:
            on_progress(work.done)
        return results

    def _live_first(self) -> None:
        """Waits while finals of live legs wait, but not for ever: a recording must go on too.

        It is called in the recording's thread, between the decodes.
        """
        conductor = self._conductor
        for _ in range(YIELDS):
            if conductor is None or not conductor.backlog:
                return
            time.sleep(YIELD)

    async def close(self) -> None:
        """Frees the model. Legs should be closed first. Idempotent."""
        self._closed = True
        async with self._loading.lock:
            conductor, self._conductor = self._conductor, None
            if conductor is not None:
                await asyncio.get_running_loop().run_in_executor(self._loader, conductor.stop)
            self.decoder = None
        self._second.shutdown(wait=False, cancel_futures=True)
        self._loader.shutdown(wait=False)
