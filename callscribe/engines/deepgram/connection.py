"""One leg's persistent connection to Deepgram.

Audio goes out as it comes in; what waits while the socket is busy is joined into one frame. What
neither the SDK nor the server does is done here: KeepAlive while no audio flows, no empty frame,
an end that waits for the last results, and a look at whether anything comes back at all.

May import ``engines.base``, ``errors``, ``wire`` and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final, Literal

import structlog

from callscribe.engines.base import EngineEvent, Lost, TranscriptCallback
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.results import ResultReader
from callscribe.engines.deepgram.transport import Transport
from callscribe.errors import AudioError, CallscribeError, EngineError, ProtocolError, UpstreamError
from callscribe.transcript import Result
from callscribe.wire import deepgram as dg

KEEP_ALIVE: Final = 4.0
"""Seconds without audio after which KeepAlive is sent; the server gives up after 10."""

LAST_RESULTS: Final = 10.0
"""Seconds that ``close`` waits for the last finals and Metadata."""

STALL: Final = 20.0
"""Seconds of audio that may go unanswered; Deepgram answers to silence too, every few seconds."""

SECONDS_A_FRAME: Final = 1.0
"""The most audio that is joined into one frame."""

Signal = Literal["open", "message", "error", "close"]

_log = structlog.get_logger(__name__)


class DeepgramStreamingConnection:
    """Takes one leg's audio and hands over what Deepgram hears. Made by the engine, open already.

    ``resources`` are what has to be closed with it: the SDK's side of the connection.
    """

    def __init__(
        self,
        session_id: str,
        transport: Transport,
        reader: ResultReader,
        sample_rate: int,
        on_transcript: TranscriptCallback,
        resources: AsyncExitStack,
        monotonic: Callable[[], float],
    ) -> None:
        self.session_id = session_id
        self.callback_errors = 0
        """How often a callback raised; each is logged, none ends the stream."""
        self.garbled = 0
        """Messages that could not be read, or whose type is not known."""
        self.request_id = transport.request_id
        self._transport = transport
        self._reader = reader
        self._rate = sample_rate
        self._tell = on_transcript
        self._resources = resources
        self._monotonic = monotonic
        self._observers: dict[Signal, list[Callable[[Any], object]]] = {}
        self._waiting = bytearray()
        self._work = asyncio.Event()
        self._finalize = False
        self._closing = False
        self._received = 0
        self._answered = 0.0
        self._lost = False
        # The one task of a leg here; it owns those that read and write, and is waited for in close.
        self._task = asyncio.create_task(self._run(), name=f"deepgram-{session_id}")

    @property
    def is_connected(self) -> bool:
        """True until ``close`` or a failure."""
        return not (self._closing or self._lost)

    def on(self, signal: Signal, observer: Callable[[Any], object]) -> None:
        """Has ``observer`` called with the request's id, each message, the error, or None.

        It is called on the event loop and must return at once; what it raises is logged.
        """
        self._observers.setdefault(signal, []).append(observer)

    async def send_audio(self, audio: bytes) -> None:
        """Takes 16-bit little-endian mono PCM; returns at once. Empty audio is ignored.

        ``AudioError`` for half a sample, ``EngineError`` when the connection is closed or lost.
        """
        if not self.is_connected:
            raise EngineError(
                "this leg is closed; open a new one to send audio", retryable=self._lost
            )
        if len(audio) % 2:
            raise AudioError(f"{len(audio)} bytes are no whole number of 16-bit samples")
        if not audio:
            return  # an empty frame would end the stream
        self._waiting += audio
        self._received += len(audio) // 2
        self._reader.sent(self._received / self._rate)
        self._work.set()

    async def finalize(self) -> None:
        """Asks for a final of what has been heard so far. Where nothing was, no answer comes."""
        if self.is_connected:
            self._finalize = True
            self._work.set()

    async def close(self) -> None:
        """Ends the audio and waits, at most ``LAST_RESULTS`` s, for the last finals. Idempotent."""
        self._closing = True
        self._work.set()
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            self._signal("open", self.request_id)
            _log.info("deepgram_opened", session=self.session_id, request_id=self.request_id)
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read())
                writing = tasks.create_task(self._write())
                await reading
                writing.cancel()
        except* UpstreamError as group:
            await self._lose(_first(group))
        except* Exception as group:  # noqa: BLE001 - a bug here must not end the call
            _log.error("deepgram_failed", session=self.session_id, exc_info=group)
            await self._lose(EngineError("the connection to Deepgram failed", retryable=True))
        finally:
            with contextlib.suppress(Exception):
                await self._resources.aclose()
            self._signal("close", None)
            _log.info("deepgram_closed", session=self.session_id, request_id=self.request_id)

    async def _read(self) -> None:
        """Hands over what comes until the server closes in good order."""
        async for text in self._transport:
            self._answered = self._received / self._rate
            if isinstance(text, bytes):
                self.garbled += 1
                continue
            try:
                message = dg.parse_server(text)
            except ProtocolError as error:
                self.garbled += 1
                _log.warning("deepgram_garbled", session=self.session_id, problem=error.message)
                continue
            self._signal("message", message)
            event = self._reader.read(message)
            if event is not None:
                await self._hand_over(event)
            elif not isinstance(message, dg.Metadata | dg.UtteranceEnd):
                self.garbled += isinstance(message, dg.Unknown)
                _log.debug("deepgram_message", session=self.session_id, text=text)
        if not self._closing:
            raise faults.closed(1000, "", self.request_id)

    async def _write(self) -> None:
        """Sends audio and controls; when told to close, ends the stream and waits."""
        most = int(SECONDS_A_FRAME * self._rate) * 2
        while True:
            await self._wait_for_work()
            while self._waiting:
                piece = bytes(self._waiting[:most])
                del self._waiting[:most]
                await self._transport.send(piece)
            if self._finalize:
                self._finalize = False
                await self._transport.send(dg.Finalize().encode())
            if self._closing and not self._waiting:
                break
            self._check_answers()
        await self._transport.send(dg.CloseStream().encode())
        await asyncio.sleep(LAST_RESULTS)
        raise UpstreamError(
            f"Deepgram did not end the stream within {LAST_RESULTS:.0f} s",
            code="deepgram_timeout",
            retryable=True,
            request_id=self.request_id,
        )

    async def _wait_for_work(self) -> None:
        while not (self._waiting or self._finalize or self._closing):
            self._work.clear()
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    await self._work.wait()
            except TimeoutError:
                await self._transport.send(dg.KeepAlive().encode())

    def _check_answers(self) -> None:
        unanswered = self._received / self._rate - self._answered
        if unanswered > STALL:
            raise faults.stalled(unanswered, self.request_id)

    async def _hand_over(self, event: EngineEvent) -> None:
        if isinstance(event, Result):
            _log.debug(
                "deepgram_final" if event.is_final else "deepgram_interim",
                session=self.session_id,
                text=event.text,
            )
        try:
            answer = self._tell(event)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # noqa: BLE001 - whatever a callback does, the stream goes on
            self.callback_errors += 1
            _log.exception("transcript_callback_failed", session=self.session_id)

    async def _lose(self, error: CallscribeError) -> None:
        self._lost = True
        _log.warning(
            "deepgram_lost",
            session=self.session_id,
            request_id=self.request_id,
            code=error.code,
            problem=error.message,
        )
        self._signal("error", error)
        await self._hand_over(Lost(error))

    def _signal(self, signal: Signal, what: object) -> None:
        for observer in self._observers.get(signal, ()):
            try:
                observer(what)
            except Exception:  # noqa: BLE001 - whatever an observer does, the stream goes on
                self.callback_errors += 1
                _log.exception("observer_failed", session=self.session_id, signal=signal)


def _first(group: BaseExceptionGroup[UpstreamError]) -> UpstreamError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
