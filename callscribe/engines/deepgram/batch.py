"""Deepgram by REST: pieces of about three seconds, their finals in order; the requests themselves.

How a leg's audio is gathered and sent is in ``pieces``. May import ``engines.base``, ``errors``,
``languages`` and its own room.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx
import structlog
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError

from callscribe import logs
from callscribe.audio import RATE, FloatArray, to_int16
from callscribe.engines.base import (
    Capabilities,
    StreamOptions,
    TranscriptCallback,
)
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.budget import Budget
from callscribe.engines.deepgram.cutter import PauseCutter, Piece, as_wav
from callscribe.engines.deepgram.pieces import DeepgramBatchConnection
from callscribe.engines.deepgram.results import of_piece
from callscribe.engines.deepgram.service import (
    LANGUAGES_OF_NOVA,
    arguments,
    close_all,
    environment,
    make_query,
)
from callscribe.engines.silero import SileroModel, shared
from callscribe.errors import CapacityError, EngineError
from callscribe.languages import LANGUAGES
from callscribe.transcript import Result

TURN: Final = 10.0
"""Seconds that a piece waits for its turn where the budget of requests is used up."""

TIMEOUT: Final = 20.0


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
    """Deepgram Nova-3 by requests, of which ``requests`` are under way at once, 0 for no limit.

    The same doors as the streaming engine.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = "wss://api.deepgram.com",
        requests: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        logs.ensure()
        self._api_key = api_key
        self._environment = environment(base_url)
        self._http: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()
        self._monotonic = monotonic
        self.budget = Budget("requests", requests)
        self._silero: SileroModel | None = None
        self._connections: set[DeepgramBatchConnection] = set()
        self._closed = False

    @property
    def name(self) -> str:
        """``deepgram``: how the audio is sent is a detail of it."""
        return "deepgram"

    @property
    def capabilities(self) -> Capabilities:
        """Finals; interims only while it stands in for a stream."""
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
        self._check_open()
        options = options or StreamOptions()
        query = make_query(language, sample_rate, options)
        asked = {k: v for k, v in arguments(query).items() if k not in NOT_FOR_RECORDINGS}
        if self._silero is None:
            self._silero = await asyncio.to_thread(shared)
            self._check_open()  # it may have been closed meanwhile
        connection = DeepgramBatchConnection(
            session_id,
            PauseCutter(sample_rate, self._silero.stream()),
            sample_rate,
            on_transcript,
            lambda wav: self._request(wav, asked),
            self._monotonic,
            options.encoding,
            (lambda wav: self._spare(wav, asked)) if options.stands_in else None,
        )
        self._connections.add(connection)
        connection.on_close = self._forget
        return connection

    async def transcribe_clip(
        self, audio: FloatArray, language: str, *, options: StreamOptions | None = None
    ) -> Result:
        """The final of up to 30 s (16 kHz, -1 to 1) in one request; errors as Deepgram's answers.

        Live legs come first: ``CapacityError`` where half the budget of requests is used.
        """
        self._check_open()
        options = replace(options or StreamOptions(), encoding="linear16", pass_through=False)
        query = make_query(language, RATE, options)
        asked = {k: v for k, v in arguments(query).items() if k not in NOT_FOR_RECORDINGS}
        began = self._monotonic()
        wav = await asyncio.to_thread(as_wav, Piece(0.0, to_int16(audio)), RATE)
        answer = await self._spare(wav, asked)
        return of_piece(answer, 0.0, len(audio) / RATE, self._monotonic() - began)

    async def close(self) -> None:
        """Ends all legs, their last finals included. Idempotent."""
        self._closed = True
        await close_all(self._connections)
        await self._hang_up()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the Deepgram engine has been closed")

    async def _forget(self, connection: DeepgramBatchConnection) -> None:
        self._connections.discard(connection)
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Lets the client go with the last leg: one that was closed in its callback still ends."""
        if self._closed and not self._connections:
            async with self._making:
                if self._http is not None:
                    await self._http.aclose()

    async def _client(self) -> AsyncDeepgramClient:
        """The SDK's client. It reads all certificates, so it is made when needed, in a thread."""
        async with self._making:
            if self._http is None:
                if not self._connections:
                    self._check_open()  # nobody would close it any more
                self._http = await asyncio.to_thread(_http_client)
        return AsyncDeepgramClient(
            api_key=self._api_key, environment=self._environment, httpx_client=self._http
        )

    async def _request(self, wav: bytes, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's
        async with self.budget.slot(_waits, TURN):
            return await self._ask(wav, asked)

    async def _spare(self, wav: bytes, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's
        """A request for which those that have to be made leave room."""
        use = self.budget.use
        if use.most and 2 * use.used >= use.most:
            raise CapacityError("live legs need the requests", code="deepgram_budget")
        return await self._request(wav, asked)

    async def _ask(self, wav: bytes, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - the SDK's
        try:
            client = await self._client()
            return await client.listen.v1.media.transcribe_file(
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


def _http_client() -> httpx.AsyncClient:
    """To be made in a thread: the SDK loads a hundred modules when it is first asked for this."""
    importlib.import_module("deepgram.listen.v1.media.client")
    return httpx.AsyncClient(timeout=TIMEOUT)


def _waits(full: CapacityError) -> None:
    _log.info("deepgram_waits", code=full.code)
