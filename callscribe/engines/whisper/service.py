"""``WhisperTranscriptionService``: the local engine behind the contract of ``engines/base.py``.

May import ``errors``, ``transcript``, ``vad``, ``languages``, ``engines.base``,
``engines.telling`` and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from callscribe import logs
from callscribe.audio import Encoding, FloatArray
from callscribe.engines.base import (
    Capabilities,
    EngineEvent,
    StreamOptions,
    TranscriptCallback,
    Unheard,
)
from callscribe.engines.encoded import to_pcm
from callscribe.engines.silero import SileroModel
from callscribe.engines.telling import Teller
from callscribe.engines.whisper.batch import Cutter, Recording
from callscribe.engines.whisper.capacity import measure_capacity
from callscribe.engines.whisper.conductor import Conductor, Seat
from callscribe.engines.whisper.decoder import WHAT_TO_DO, WhisperDecoder
from callscribe.engines.whisper.stream import LegStream, vocabulary_prompt
from callscribe.engines.whisper.tuning import tune_process
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
YIELD, YIELDS = 0.1, 20
"""A recording's next step waits so many times so many seconds for live legs."""

MOST_WAITING: Final = 60.0
"""Seconds of a leg that may wait to be listened to; then its client waits, and the network with it.
"""

CLOSE_DEADLINE: Final = 30.0
"""Seconds that ``close`` waits for the last finals of a leg."""


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
        self._loading = asyncio.Lock()
        self._recording = asyncio.Lock()
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
        async with self._loading:
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
            self._silero = SileroModel()
            self.max_legs = self._wanted_legs or measure_capacity(decoder)
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
            async with self._recording:
                return await self._transcribe(blocks, language, keyterms, on_progress)
        finally:
            self._recordings -= 1

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
        work = Recording(decoder, Cutter(silero.stream()), language, vocabulary_prompt(keyterms))
        results: list[Result] = []
        async for block in blocks:
            await self._live_first()
            results += await asyncio.to_thread(work.push, block)
            if on_progress is not None:
                on_progress(work.done)
        results += await asyncio.to_thread(work.finish)
        if on_progress is not None:
            on_progress(work.done)
        return results

    async def _live_first(self) -> None:
        """Waits while finals of live legs wait, but not for ever: a recording must go on too."""
        conductor = self._conductor
        for _ in range(YIELDS):
            if conductor is None or not conductor.backlog:
                return
            await asyncio.sleep(YIELD)

    async def close(self) -> None:
        """Frees the model. Legs should be closed first. Idempotent."""
        self._closed = True
        async with self._loading:
            conductor, self._conductor = self._conductor, None
            if conductor is not None:
                await asyncio.get_running_loop().run_in_executor(self._loader, conductor.stop)
            self.decoder = None
        self._loader.shutdown(wait=False)


class WhisperConnection:
    """One leg in the local engine."""

    def __init__(
        self,
        session_id: str,
        conductor: Conductor,
        stream: LegStream,
        on_transcript: TranscriptCallback,
        encoding: Encoding = "linear16",
    ) -> None:
        self._session_id = session_id
        self._encoding = encoding
        self._conductor = conductor
        self._loop = asyncio.get_running_loop()
        self._teller = Teller(on_transcript, session_id)
        self._seat = Seat(stream, self._from_conductor, self._has_room)
        self._open = True
        self._room = asyncio.Event()
        """Clear while so much waits that the client has to."""
        self._room.set()
        self._heard_to = 0.0
        """Where the last final ends, leg seconds."""
        conductor.join(self._seat)

    @property
    def callback_errors(self) -> int:
        """How often ``on_transcript`` raised; each is logged, none ends the stream."""
        return self._teller.errors

    @property
    def is_connected(self) -> bool:
        """True until ``close``."""
        return self._open

    async def send_audio(self, audio: bytes) -> None:
        """Takes audio in the leg's encoding; returns at once. Empty audio is ignored."""
        if not self._open:
            raise EngineError("this leg is closed; open a new one to send audio")
        if not audio:
            return
        self._conductor.hear(self._seat, to_pcm(audio, self._encoding))
        if self._seat.waiting > MOST_WAITING:
            self._room.clear()
            await self._room.wait()

    def _has_room(self) -> None:
        """Runs on the conductor's thread, when a leg that had too much waiting has caught up."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._room.set)

    async def finalize(self) -> None:
        """Ends the open utterance; its final follows soon."""
        if self._open:
            self._conductor.finalize(self._seat)

    async def set_keyterms(self, keyterms: tuple[str, ...]) -> None:
        """Replaces the words to expect, from the next window on."""
        self._seat.stream.set_keyterms(keyterms)

    async def close(self) -> None:
        """Ends the leg and waits, at most ``CLOSE_DEADLINE`` s, for its last final. Idempotent.

        ``EngineError`` when words are missing then: what was not heard is said before.
        """
        if not self._open:
            await self._all_told()
            return
        self._open = False
        self._room.set()
        done = asyncio.wrap_future(self._conductor.leave(self._seat))
        try:
            await asyncio.wait({done}, timeout=CLOSE_DEADLINE)
        finally:
            late = not done.done() or done.cancelled()
            if late:
                log.warning("whisper_close_incomplete", session=self._session_id)
                heard = self._seat.stream.heard + self._seat.waiting
                gap = Unheard(self._heard_to, heard, "the recogniser did not come to its end")
                self._teller.put(gap)
            self._teller.end()
        await self._all_told()
        if late:
            raise EngineError("the recogniser did not finish; the last words may be missing")

    def _from_conductor(self, results: list[EngineEvent]) -> None:
        """Runs on the conductor's thread."""
        try:
            self._loop.call_soon_threadsafe(self._enqueue, results)
        except RuntimeError:
            # The loop is closed: nobody is there any more to tell.
            log.warning("whisper_results_unheard", session=self._session_id, count=len(results))

    def _enqueue(self, results: list[EngineEvent]) -> None:
        for result in results:
            if isinstance(result, Result) and result.is_final:
                self._heard_to = max(self._heard_to, result.end)
            self._teller.put(result)

    async def _all_told(self) -> None:
        if not self._teller.is_inside:  # the callback cannot wait for itself
            await self._teller.close()
