"""One leg's persistent connection to Deepgram.

What neither the SDK nor the server does is done here: an end that waits for the last results, local
ears beside the server's, and a look at whether anything comes back at all. What goes out is in
``writer``, what comes in in ``incoming``.

May import ``engines.base``, ``engines.telling``, ``engines.ears``, ``engines.lane``, ``errors``
and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import structlog

from callscribe.audio import WIDTH, Encoding
from callscribe.engines.base import Lost, TranscriptCallback
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.along import Along
from callscribe.engines.deepgram.doubt import Doubt
from callscribe.engines.deepgram.incoming import Incoming
from callscribe.engines.deepgram.results import ResultReader
from callscribe.engines.deepgram.signals import Signal, Signals
from callscribe.engines.deepgram.transport import Transport
from callscribe.engines.deepgram.watch import DEAF, Watch
from callscribe.engines.deepgram.writer import Writer
from callscribe.engines.ears import Ears
from callscribe.engines.encoded import to_pcm
from callscribe.engines.lane import Lane
from callscribe.engines.telling import EngineTeller
from callscribe.errors import AudioError, CallscribeError, EngineError, UpstreamError

LAST_RESULTS: Final = 10.0
"""Seconds that ``close`` waits for the last finals and Metadata, and then for a callback."""

CHECK: Final = 0.25
"""Seconds between two looks at whether the connection is dead; less where it soon may be."""
MOMENT: Final = 0.01
"""Seconds by which such a look comes later than that moment."""

_log = structlog.get_logger(__name__)


class DeepgramStreamingConnection:
    """Takes one leg's audio and hands over what Deepgram hears. Made by the engine, open already.

    Audio comes in ``encoding``; ``decode`` makes PCM of it where the server is to get that.
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
        *,
        encoding: Encoding = "linear16",
        decode: bool = False,
        patience: Callable[[], float] = lambda: DEAF,
    ) -> None:
        self.session_id = session_id
        self.unanswered = 0
        """How often a Finalize stayed without an answer."""
        self.request_id = transport.request_id
        self._transport = transport
        self._reader = reader
        self._rate = sample_rate
        self._monotonic = monotonic
        self._encoding: Encoding = encoding
        self._decode = decode
        self._width = WIDTH[encoding]
        self._along: Along | None = None
        self._teller = EngineTeller(on_transcript, session_id)
        self._signals = Signals(session_id)
        self._resources = resources
        self._closing = False
        self._abandoned = False
        self._watch = Watch(sample_rate, monotonic, patience)
        self.lane = Lane(self._note_audio)
        """How audio that nothing is in the way of gets to the server; see ``Swift``."""
        self._writer = Writer(
            transport,
            self._watch,
            sample_rate,
            WIDTH["linear16" if decode else encoding],
            monotonic,
            self._end_without_answer,
            self.lane,
            (lambda audio: transport.take(to_pcm(audio, encoding))) if decode else transport.take,
        )
        self._lost = False
        self._log = _log.bind(session=session_id)
        self._doubt = Doubt(self._watch, self._teller, self.request_id)
        self._incoming = Incoming(
            transport,
            reader,
            self._watch,
            self._doubt,
            self.lane,
            self._teller,
            self._signals,
            self._log,
        )
        # The one task of a leg here; it owns those that read and write, and is waited for in close.
        self._task = asyncio.create_task(self._run(), name=f"deepgram-{session_id}")

    @property
    def is_connected(self) -> bool:
        """True until ``close`` or a failure."""
        return not (self._closing or self._lost)

    @property
    def garbled(self) -> int:
        """Messages that could not be read, or whose type is not known."""
        return self._incoming.garbled

    @property
    def metadata_missing(self) -> bool:
        """The server closed in good order, but without the Metadata that ends a stream."""
        return self._incoming.metadata_missing

    @property
    def callback_errors(self) -> int:
        """How often a callback or an observer raised; each is logged, none ends the stream."""
        return self._teller.errors + self._signals.errors

    @property
    def next_patience(self) -> float | None:
        """How long the leg's next connection may leave speech unanswered; None: as it was."""
        return self._watch.next_patience

    def on(self, signal: Signal, observer: Callable[[Any], object]) -> None:
        """Has ``observer`` called with the request's id, each message, the error, or None.

        It is called on the event loop and must return at once; what it raises is logged.
        """
        self._signals.on(signal, observer)

    def listen_along(self, ears: Ears, silence: float) -> None:
        """Lets local ears ask for a final where the server has not ended what was said.

        ``silence`` is in seconds; the server gets as long to hear it by itself. They also tell that
        there is speech to answer.
        """
        self._along = Along(
            ears, self._rate, self._encoding, silence, self._reader, self._watch, self._ask_final
        )

    async def send_audio(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding; returns at once. Empty audio is ignored.

        ``AudioError`` for half a sample, ``EngineError`` when the connection is closed or lost.
        """
        if not self.is_connected:
            raise EngineError(
                "this leg is closed; open a new one to send audio", retryable=self._lost
            )
        if len(audio) % self._width:
            raise AudioError(f"{len(audio)} bytes are no whole number of 16-bit samples")
        if not audio:
            return  # an empty frame would end the stream
        self.lane.settle()
        now = self._monotonic()
        self._count(audio, now, now)
        self._writer.audio(to_pcm(audio, self._encoding) if self._decode else audio, now)

    def _note_audio(self, audio: bytes, since: float, now: float) -> None:
        """Notes what has left by the lane."""
        self._writer.went = now
        self._count(audio, since, now)

    def _count(self, audio: bytes, since: float, now: float) -> None:
        self._reader.sent(self._watch.audio(len(audio) // self._width, since), since, now)
        if self._along is not None:
            self._along.hear(audio)

    async def finalize(self) -> None:
        """Asks for a final of what has been heard so far. Where nothing was, no answer comes."""
        self._ask_final()

    async def close(self) -> None:
        """Ends the audio and waits, at most ``LAST_RESULTS`` s, for the last finals. Idempotent.

        In ``on_transcript`` it returns at once: the last finals come when that has returned.
        """
        self._closing = True
        self._writer.end()
        if not self._teller.is_inside:
            await asyncio.shield(self._task)

    async def abandon(self) -> None:
        """Frees the socket at once; nothing more is told, but what is being told. Idempotent."""
        self._abandoned = self._closing = True
        self._writer.shut(shut=True)
        self._teller.silence()
        await self._transport.abort()

    def _ask_final(self) -> None:
        if self.is_connected:
            self._writer.finalize()

    async def _run(self) -> None:
        error: CallscribeError | None = None
        try:
            self._signals.send("open", self.request_id)
            self._log.info("deepgram_opened", request_id=self.request_id)
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read())
                others = [tasks.create_task(self._write()), tasks.create_task(self._guard())]
                await reading
                for task in others:
                    task.cancel()
        except* UpstreamError as group:
            error = faults.first(group)
        except* Exception as group:  # noqa: BLE001 - a bug here must not end the call
            self._log.error("deepgram_failed", exc_info=group)
            error = EngineError("the connection to Deepgram failed", retryable=True)
        finally:
            await self._end(error)

    async def _end(self, error: CallscribeError | None) -> None:
        """Lets go of everything and tells what is still to be told."""
        self._writer.shut(shut=True)
        if self._along is not None:
            self._along.close()
        if self._abandoned:
            error = None
        if error is not None:
            self._lost = True
            said = {"request_id": self.request_id, "code": error.code, "problem": error.message}
            self._log.warning("deepgram_lost", **said)
            self._signals.send("error", error)
        with contextlib.suppress(Exception):
            if error is not None:  # a server that is gone would be waited for
                await self._transport.abort()
            await self._resources.aclose()
        await self._teller.close(LAST_RESULTS)
        if error is not None:
            await self._teller.call(Lost(error))  # however long it takes: another may take over
        self._signals.send("close", None)
        self._log.info("deepgram_closed", request_id=self.request_id)

    async def _read(self) -> None:
        """Hands over what comes until the server closes in good order."""
        await self._transport.each(self._incoming.take)
        self._incoming.end(asked=self._closing)

    async def _write(self) -> None:
        """Sends what there is; when told to close, ends the stream and waits."""
        await self._writer.run()
        self._watch.ended()
        await asyncio.sleep(LAST_RESULTS)
        raise faults.late("end the stream", LAST_RESULTS, self.request_id)

    async def _guard(self) -> None:
        """Gives up a connection that is dead, whatever the socket says."""
        while True:
            await asyncio.sleep(
                min(CHECK / 4 if self._doubt.is_told else CHECK, self._watch.next_look + MOMENT)
            )
            self.lane.settle()
            if self._along is not None:  # who listens here is to hear each frame as it comes
                self._writer.shut(shut=self._along.look() or self._closing)
            watch = self._watch
            if watch.is_blocked:
                raise faults.blocked(watch.blocked_for, self.request_id)
            if self._closing:  # what is still to come has its own deadline
                if watch.is_mute:
                    raise faults.deaf(watch.deaf_for, self.request_id)
                continue
            if watch.is_deaf:
                raise faults.deaf(watch.deaf_for, self.request_id)
            if watch.is_stalled:
                raise faults.stalled(watch.unanswered, self.request_id)
            self._doubt.look()

    def _end_without_answer(self, silent: bool) -> None:
        """Ends the utterance here where a Finalize has gone without an answer for too long.

        Where words are open, and the server has said nothing else either (``silent``), it is dead.
        """
        dead = silent and self._reader.is_showing
        if dead and self._watch.wait_as_for_speech():
            return
        self.unanswered += 1
        if dead:
            raise faults.unended(self.request_id)
        end = self._reader.give_up()
        if end is not None:
            self._teller.put(end)
