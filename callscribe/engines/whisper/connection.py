"""One leg in the local engine: audio goes to the conductor, its results come out in order.

May import ``errors``, ``transcript``, ``engines/base`` and its own room.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from callscribe.audio import Encoding
from callscribe.engines.base import EngineEvent, Silent, TranscriptCallback, Unheard
from callscribe.engines.encoded import to_pcm
from callscribe.engines.telling import EngineTeller
from callscribe.engines.whisper.conductor import Conductor, Seat
from callscribe.engines.whisper.stream import LegStream
from callscribe.errors import EngineError
from callscribe.transcript import Result

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 60.0
"""Seconds of a leg that may wait to be listened to; then its client waits, and the network with it.
"""

CLOSE_DEADLINE: Final = 30.0
"""Seconds that ``close`` waits for the last finals of a leg."""


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
        self._teller = EngineTeller(on_transcript, session_id)
        self._seat = Seat(stream, self._from_conductor, self._has_room, self._has_listened)
        self._open = True
        self._abandoned = False
        self._room = asyncio.Event()
        """Clear while so much waits that the client has to."""
        self._room.set()
        self._heard_to = 0.0
        """Up to where everything is told, leg seconds."""
        conductor.join(self._seat)

    @property
    def callback_errors(self) -> int:
        """How often ``on_transcript`` raised; each is logged, none ends the stream."""
        return self._teller.errors

    @property
    def listened(self) -> float:
        """Leg seconds up to which every ``SpeechBegan`` has been handed over."""
        return self._teller.reached

    @property
    def is_connected(self) -> bool:
        """True until ``close`` or ``abandon``."""
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

    def _has_listened(self, seconds: float) -> None:
        """Runs on the conductor's thread; takes its turn behind the results."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            self._loop.call_soon_threadsafe(self._teller.mark, seconds)

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
            late = not done.done() or done.cancelled() or self._seat.failed
            if late:
                log.warning("whisper_close_incomplete", session=self._session_id)
                heard = self._seat.stream.heard + self._seat.waiting
                gap = Unheard(self._heard_to, heard, "the recogniser did not come to its end")
                self._teller.put(gap)
            self._teller.end()
        await self._all_told()
        if late:
            raise EngineError("the recogniser did not finish; the last words may be missing")

    async def abandon(self) -> None:
        """Leaves at once: what has not been said is dropped, and the seat is free. Idempotent."""
        self._open = False
        self._abandoned = True
        self._room.set()
        self._conductor.abandon(self._seat)
        self._teller.silence()

    def _from_conductor(self, results: list[EngineEvent]) -> None:
        """Runs on the conductor's thread."""
        try:
            self._loop.call_soon_threadsafe(self._enqueue, results)
        except RuntimeError:
            # The loop is closed: nobody is there any more to tell.
            log.warning("whisper_results_unheard", session=self._session_id, count=len(results))

    def _enqueue(self, results: list[EngineEvent]) -> None:
        if self._abandoned:
            return
        for result in results:
            if isinstance(result, Silent):
                self._heard_to = result.until
            elif isinstance(result, Result) and result.is_final:
                self._heard_to = max(self._heard_to, result.until or result.end)
            self._teller.put(result)

    async def _all_told(self) -> None:
        if not self._teller.is_inside:  # the callback cannot wait for itself
            await self._teller.close()
