"""An engine made of two: where the first cannot listen, the second does, with what it missed.

A leg whose first engine refuses it at the start, or loses it in the middle, goes on with the
second one. The audio since the end of the last final is kept for that, so the words that were open
are heard again, not lost. May import ``engines.base`` and ``errors``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import structlog

from callscribe.audio import WIDTH
from callscribe.engines.base import (
    Capabilities,
    EngineEvent,
    Lost,
    SpeechBegan,
    StreamingConnection,
    StreamOptions,
    TakenOver,
    TranscriptCallback,
    TranscriptionEngine,
    Unheard,
)
from callscribe.errors import CallscribeError, CapacityError, ConfigurationError, EngineError
from callscribe.transcript import Result

KEPT: Final = 120.0
"""Seconds of audio that are kept at most while no final comes."""

_log = structlog.get_logger(__name__)


class StandInEngine:
    """The ``first`` engine, with the ``second`` behind it."""

    def __init__(self, first: TranscriptionEngine, second: TranscriptionEngine) -> None:
        self._first = first
        self._second = second

    @property
    def name(self) -> str:
        """The first engine's name."""
        return self._first.name

    @property
    def model(self) -> str:
        """The second engine's model; each leg chooses that of the first."""
        return str(getattr(self._second, "model", ""))

    @property
    def capabilities(self) -> Capabilities:
        """What the first one can do; languages that only the second has are taken too."""
        able = self._first.capabilities
        return replace(able, languages=able.languages | self._second.capabilities.languages)

    async def transcribe_streaming(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        *,
        options: StreamOptions | None = None,
    ) -> StandInConnection:
        """Opens a leg with the first engine, or else with the second; errors of the second."""
        connection = StandInConnection(
            self._second, session_id, language, sample_rate, on_transcript, options
        )
        try:
            await connection.begin(self._first)
        except (EngineError, CapacityError, ConfigurationError) as error:
            await connection.take_over(error)
        return connection

    async def close(self) -> None:
        """Nothing is held here; who made the two engines closes them."""


def caveat(query: Iterable[tuple[str, str]]) -> str:
    """What a person has to know who asked this of Deepgram and gets Whisper instead; "" if nothing.

    Other options that only Deepgram has change how the text looks; this one is relied on.
    """
    if any(name == "redact" for name, _ in query):
        return "Nothing is redacted: deepgram_redact holds for Deepgram alone."
    return ""


class StandInConnection:
    """One leg's way into whichever engine listens."""

    def __init__(
        self,
        second: TranscriptionEngine,
        session_id: str,
        language: str,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        options: StreamOptions | None,
    ) -> None:
        self._second = second
        self._session_id = session_id
        self._language = language
        self._rate = sample_rate
        self._tell = on_transcript
        self._options = options or StreamOptions()
        self._width = WIDTH[self._options.encoding]
        self._inner: StreamingConnection | None = None
        self._on_second = False
        self._kept: deque[tuple[int, bytes]] = deque()
        """Pieces of audio since the last final, each with the number of its first sample."""
        self._received = 0
        self._shift = 0.0
        """What the engine's clock is behind the leg's, seconds."""
        self._settled = 0
        """Samples that finals cover."""
        self._overflowed = 0
        """Samples before this were dropped although no final may cover them."""
        self._changing = asyncio.Lock()
        self._ended = False

    @property
    def is_connected(self) -> bool:
        """True until ``close``, or until the second engine is lost too."""
        return not self._ended

    async def begin(self, engine: TranscriptionEngine) -> None:
        """Opens the leg at an engine; its errors, and ``ConfigurationError`` for its languages."""
        able = engine.capabilities
        known = able.auto_language if self._language == "auto" else self._language in able.languages
        if not known:
            raise ConfigurationError(f"{engine.name} does not know {self._language!r}")
        self._inner = await engine.transcribe_streaming(
            self._session_id, self._language, self._rate, self._hear, options=self._options
        )

    async def send_audio(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding; while engines change it is kept."""
        if self._ended:
            raise EngineError("this leg is closed; open a new one to send audio")
        if not audio:
            return
        if not self._on_second:
            self._keep(audio)
        self._received += len(audio) // self._width
        inner = self._inner
        if inner is not None and inner.is_connected:
            await inner.send_audio(audio)

    async def finalize(self) -> None:
        """Asks the engine that listens for a final."""
        if self._inner is not None and not self._ended:
            await self._inner.finalize()

    async def close(self) -> None:
        """Ends the leg; waits for a change of engines that is under way, and for the last finals.

        Where the first engine is lost while it ends, the second one hears what was still open.
        """
        try:
            if self._inner is not None:
                await self._inner.close()
            async with self._changing:
                inner = self._inner
            if inner is not None:
                await inner.close()
        finally:
            self._ended = True

    async def take_over(self, error: CallscribeError) -> None:
        """Lets the second engine listen from the end of the last final on; its errors."""
        async with self._changing:
            if self._on_second:
                return
            self._check_open()
            start = self._kept[0][0] if self._kept else self._received
            self._inner = None
            inner = await self._second.transcribe_streaming(
                self._session_id, self._language, self._rate, self._hear, options=self._options
            )
            if self._ended:  # meanwhile: nobody else would end this one
                await inner.close()
                self._check_open()
            # From here on nothing waits until the audio that was kept is on its way, in order.
            self._on_second = True
            self._shift = start / self._rate
            pieces, self._kept = self._kept, deque()
            self._inner = inner
            for _, piece in pieces:
                await inner.send_audio(piece)
        _log.warning(
            "engine_taken_over",
            session=self._session_id,
            engine=self._second.name,
            code=error.code,
            seconds=round((self._received - start) / self._rate, 1),
        )
        # Not while engines change: who is told may close the leg, and that waits for the change.
        if self._overflowed > self._settled:
            settled = self._settled / self._rate
            await self._pass_on(Unheard(settled, start / self._rate, "it was too long to keep"))
        await self._pass_on(TakenOver(self._second.name, error, caveat(self._options.query)))

    def _check_open(self) -> None:
        if self._ended:
            raise EngineError("the leg was closed before another engine could take it over")

    async def _hear(self, event: EngineEvent) -> None:
        if isinstance(event, Lost):
            await self._lost(event)
            return
        if isinstance(event, Result) and event.is_final and not self._on_second:
            self._forget(event.end)
        await self._pass_on(_moved(event, self._shift))

    async def _lost(self, event: Lost) -> None:
        if self._on_second:
            self._ended = True
            await self._pass_on(event)
            return
        try:
            await self.take_over(event.error)
        except CallscribeError as error:
            self._ended = True
            start = self._kept[0][0] / self._rate if self._kept else self._received / self._rate
            await self._pass_on(Unheard(start, self._received / self._rate, error.message))
            await self._pass_on(event)

    async def _pass_on(self, event: EngineEvent) -> None:
        answer = self._tell(event)
        if inspect.isawaitable(answer):
            await answer

    def _keep(self, audio: bytes) -> None:
        self._kept.append((self._received, audio))
        while self._received - self._kept[0][0] > KEPT * self._rate:
            self._kept.popleft()
            self._overflowed = self._kept[0][0]

    def _forget(self, until: float) -> None:
        """Lets go of audio that a final covers."""
        sample = self._settled = int(until * self._rate)
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) // self._width <= sample:
            self._kept.popleft()


def _moved(event: EngineEvent, shift: float) -> EngineEvent:
    """An event of an engine that began to listen ``shift`` s after the leg's first sample."""
    if not shift:
        return event
    if isinstance(event, Result):
        return event.moved(shift)
    if isinstance(event, SpeechBegan):
        return SpeechBegan(event.start + shift)
    if isinstance(event, Unheard):
        return replace(event, start=event.start + shift, end=event.end + shift)
    return event
