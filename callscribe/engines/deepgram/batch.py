"""Deepgram by REST: pieces of about three seconds, finals only, in order.

A request that fails is sent again with growing pauses, and its audio kept until it is through. May
import ``engines.base``, ``errors``, ``wire`` and its own room.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import random
import time
import wave
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx
import structlog
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError

from callscribe import logs
from callscribe.audio import WIDTH, Encoding
from callscribe.engines.base import (
    Capabilities,
    EngineEvent,
    Lost,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.cutter import PauseCutter, Piece
from callscribe.engines.deepgram.service import (
    LANGUAGES_OF_NOVA,
    arguments,
    environment,
    make_query,
)
from callscribe.engines.encoded import to_pcm
from callscribe.engines.silero import SileroModel
from callscribe.errors import AudioError, CallscribeError, EngineError, UpstreamError
from callscribe.languages import LANGUAGES
from callscribe.transcript import Result, Word, mean_confidence

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds before a request is sent again: the first time, and at most."""

PATIENCE: Final = 60.0
"""Seconds that one piece may take, with all its repetitions."""

TIMEOUT: Final = 20.0
LAST_RESULTS: Final = 30.0
"""Seconds that ``close`` waits for the pieces that are under way."""

NOT_FOR_RECORDINGS: Final = (
    "encoding",
    "sample_rate",
    "channels",
    "interim_results",
    "vad_events",
    "utterance_end_ms",
    "endpointing",
)

_log = structlog.get_logger(__name__)


class DeepgramBatchService:
    """Deepgram Nova-3 by requests; the same doors as the streaming engine."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "wss://api.deepgram.com",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        logs.ensure()
        self._http = httpx.AsyncClient(timeout=TIMEOUT)
        self._client = AsyncDeepgramClient(
            api_key=api_key, environment=environment(base_url), httpx_client=self._http
        )
        self._monotonic = monotonic
        self._silero: SileroModel | None = None
        self._connections: set[DeepgramBatchConnection] = set()

    @property
    def name(self) -> str:
        """``deepgram``: how the audio is sent is a detail of it."""
        return "deepgram"

    @property
    def capabilities(self) -> Capabilities:
        """Finals only."""
        return Capabilities(False, False, LANGUAGES_OF_NOVA & LANGUAGES.keys(), auto_language=True)

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> DeepgramBatchConnection:
        """Opens a leg; ``ConfigurationError`` for what Deepgram would refuse."""
        if self._http.is_closed:
            raise EngineError("the Deepgram engine has been closed")
        options = options or StreamOptions()
        query = make_query(language, sample_rate, options)
        asked = {k: v for k, v in arguments(query).items() if k not in NOT_FOR_RECORDINGS}
        if self._silero is None:
            self._silero = await asyncio.to_thread(SileroModel)
        connection = DeepgramBatchConnection(
            session_id,
            PauseCutter(sample_rate, self._silero.stream()),
            sample_rate,
            on_transcript,
            lambda wav: self._request(wav, asked),
            self._monotonic,
            options.encoding,
        )
        self._connections.add(connection)
        connection.on_close = lambda: self._connections.discard(connection)
        return connection

    async def close(self) -> None:
        """Ends all legs, their last finals included. Idempotent."""
        for connection in list(self._connections):
            await connection.close()
        await self._http.aclose()

    async def _request(self, wav: bytes, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's
        try:
            return await self._client.listen.v1.media.transcribe_file(
                request=wav, request_options={"max_retries": 0}, **asked
            )
        except ApiError as error:
            if (error.status_code or 0) < 300:  # a proxy's page, or half an answer
                raise faults.unreachable(ValueError("the answer could not be read")) from None
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            body = error.body if isinstance(error.body, str) else faults.as_json(error.body)
            raise faults.refused(error.status_code or 0, headers, body) from None
        except (httpx.HTTPError, OSError) as error:
            raise faults.unreachable(error) from None


class DeepgramBatchConnection:
    """One leg: audio is gathered, cut at pauses and sent piece by piece."""

    def __init__(
        self,
        session_id: str,
        cutter: PauseCutter,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        request: Callable[[bytes], Any],
        monotonic: Callable[[], float],
        encoding: Encoding = "linear16",
    ) -> None:
        self.callback_errors = 0
        """How often the callback raised; each is logged, none ends the stream."""
        self.on_close: Callable[[], None] = lambda: None
        self._session_id = session_id
        self._cutter = cutter
        self._rate = sample_rate
        self._encoding: Encoding = encoding
        self._tell = on_transcript
        self._request = request
        self._monotonic = monotonic
        self._waiting = bytearray()
        self._work = asyncio.Event()
        self._finalize = False
        self._closing = False
        self._lost = False
        # The one task of a leg here: pieces go one after the other, so finals come in order.
        self._task = asyncio.create_task(self._run(), name=f"deepgram-batch-{session_id}")

    @property
    def is_connected(self) -> bool:
        """True until ``close`` or a failure that no repetition mends."""
        return not (self._closing or self._lost)

    async def send_audio(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding; returns at once. Empty audio is ignored."""
        if not self.is_connected:
            raise EngineError("this leg is closed; open a new one to send audio")
        if len(audio) % WIDTH[self._encoding]:
            raise AudioError(f"{len(audio)} bytes are no whole number of 16-bit samples")
        self._waiting += to_pcm(audio, self._encoding)
        self._work.set()

    async def finalize(self) -> None:
        """Sends what has been gathered, without waiting for a pause."""
        self._finalize = True
        self._work.set()

    async def close(self) -> None:
        """Sends the rest and waits, at most ``LAST_RESULTS`` s, for its finals. Idempotent."""
        self._closing = True
        self._work.set()
        await asyncio.wait({self._task}, timeout=LAST_RESULTS)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})
            late = UpstreamError(
                f"Deepgram did not answer within {LAST_RESULTS:.0f} s",
                code="deepgram_timeout",
                retryable=True,
            )
            await self._lose(late)

    async def _run(self) -> None:
        try:
            while not (self._closing and not self._waiting):
                await self._work.wait()
                self._work.clear()
                await self._send(await self._pieces())
            await self._send(self._cutter.flush())
        except CallscribeError as error:
            await self._lose(error)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the call
            _log.error("deepgram_failed", session=self._session_id, exc_info=error)
            await self._lose(EngineError("sending audio to Deepgram failed", retryable=True))
        finally:
            self.on_close()

    async def _pieces(self) -> list[Piece]:
        audio = bytes(self._waiting)
        self._waiting.clear()
        finalize, self._finalize = self._finalize, False
        pieces = await asyncio.to_thread(self._cutter.push, audio)
        return pieces + (self._cutter.flush() if finalize else [])

    async def _send(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            wav = await asyncio.to_thread(as_wav, piece, self._rate)
            began = self._monotonic()
            answer = await self._persist(wav, began)
            await self._hand_over(result(answer, piece, self._rate, self._monotonic() - began))

    async def _persist(self, wav: bytes, began: float) -> Any:  # noqa: ANN401 - the SDK's
        """Sends a piece until it is through; ``UpstreamError`` when it will not be."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self._request(wav)
            except UpstreamError as error:
                if not error.retryable or self._monotonic() - began + pause > PATIENCE:
                    raise
                _log.warning(
                    "deepgram_retry",
                    session=self._session_id,
                    code=error.code,
                    request_id=error.request_id,
                )
            # Full jitter: many legs that failed together do not come back together.
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _hand_over(self, event: EngineEvent) -> None:
        try:
            answer = self._tell(event)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # noqa: BLE001 - whatever a callback does, the stream goes on
            self.callback_errors += 1
            _log.exception("transcript_callback_failed", session=self._session_id)

    async def _lose(self, error: CallscribeError) -> None:
        self._lost = True
        _log.warning("deepgram_lost", session=self._session_id, code=error.code)
        await self._hand_over(Lost(error))


def as_wav(piece: Piece, rate: int) -> bytes:
    """A piece as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(piece.samples.astype("<i2").tobytes())
    return out.getvalue()


def result(answer: Any, piece: Piece, rate: int, seconds: float) -> Result:  # noqa: ANN401 - the SDK's
    """The final of a piece, its times on the leg's clock; ``seconds`` is what the request took."""
    channel = answer.results.channels[0]
    best = channel.alternatives[0]
    words = tuple(
        Word(
            getattr(word, "punctuated_word", None) or word.word or "",
            (word.start or 0.0) + piece.start,
            (word.end or 0.0) + piece.start,
            word.confidence or 0.0,
            str(speaker) if isinstance(speaker := getattr(word, "speaker", None), int) else None,
        )
        for word in best.words or ()
    )
    end = piece.start + len(piece.samples) / rate
    found = Result(
        text=best.transcript or "",
        start=words[0].start if words else piece.start,
        end=words[-1].end if words else end,
        is_final=True,
        speech_final=True,
        words=words,
        confidence=mean_confidence(words),
        latency_ms=round(seconds * 1000, 1),
    )
    language = getattr(channel, "detected_language", None)
    return replace(found, language=language) if language else found
