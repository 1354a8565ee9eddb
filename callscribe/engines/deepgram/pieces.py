"""One leg by REST: audio is gathered, cut at pauses and sent piece by piece, in order.

A request that fails is sent again with growing pauses, and its audio kept until it is through.
Where it stands in for a stream, a piece that is still open is sent too, for interim words. May
import ``audio``, ``engines.base``, ``engines.encoded``, ``engines.telling``, ``errors`` and its
own room.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from callscribe.audio import WIDTH, Encoding
from callscribe.engines.base import (
    Lost,
    Silent,
    TranscriptCallback,
)
from callscribe.engines.deepgram import faults
from callscribe.engines.deepgram.cutter import PauseCutter, Piece, as_wav
from callscribe.engines.deepgram.glances import Glances
from callscribe.engines.deepgram.results import of_piece, told_apart
from callscribe.engines.encoded import to_pcm
from callscribe.engines.telling import EngineTeller
from callscribe.errors import (
    AudioError,
    CallscribeError,
    EngineError,
    UpstreamError,
)
from callscribe.flag import Flag

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds before a request is sent again: the first time, and at most."""
PATIENCE: Final = 2.0
"""Seconds that one piece may take, with all its repetitions."""
LAST_RESULTS: Final = 30.0
"""Seconds that ``close`` waits for the pieces that are under way."""

_log = structlog.get_logger(__name__)


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
        peek: Callable[[bytes], Any] | None = None,
    ) -> None:
        """``peek`` makes a request that may be left out, for interims; None: there are none."""
        self.on_close: Callable[[DeepgramBatchConnection], Awaitable[None]] | None = None
        self._session_id = session_id
        self._cutter = cutter
        self._rate = sample_rate
        self._encoding: Encoding = encoding
        self._teller = EngineTeller(on_transcript, session_id)
        self._request = request
        self._monotonic = monotonic
        self._waiting = bytearray()
        self._work = Flag()
        self._glances: Glances | None = None
        if peek is not None:
            self._glances = Glances(session_id, sample_rate, peek, self._work.set, monotonic)
        self._finalize = False
        self._closing = False
        self._lost = False
        self._abandoned = False
        self._voices = 0
        """How many voices have a label."""
        self._settled = 0.0
        """Leg seconds before which there is nothing more to come."""
        self._deadline: asyncio.Timeout | None = None
        """For the pieces under way; runs from ``close`` on."""
        # Pieces go one after the other, so finals come in order; looks at the open one beside it.
        self._task = asyncio.create_task(self._run(), name=f"deepgram-batch-{session_id}")

    @property
    def is_connected(self) -> bool:
        """True until ``close`` or a failure that no repetition mends."""
        return not (self._closing or self._lost)

    @property
    def callback_errors(self) -> int:
        """How often the callback raised; each is logged, none ends the stream."""
        return self._teller.errors

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
        """Sends the rest and waits, at most ``LAST_RESULTS`` s, for its finals. Idempotent.

        In ``on_transcript`` it returns at once: the last finals come when that has returned.
        """
        if not self._closing and self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + LAST_RESULTS)
        self._closing = True
        self._work.set()
        if not self._teller.is_inside:
            await asyncio.shield(self._task)

    async def abandon(self) -> None:
        """Lets the request under way go; nothing more is told, but what is being told."""
        if self._abandoned:
            return
        self._abandoned = self._closing = True
        self._teller.silence()
        await asyncio.sleep(0)  # a task that has not begun could not end well
        self._task.cancel()

    async def _run(self) -> None:
        error: CallscribeError | None = None
        try:
            async with asyncio.timeout(LAST_RESULTS if self._closing else None) as self._deadline:
                await self._send_all()
        except TimeoutError:
            error = faults.late("answer", LAST_RESULTS)
        except CallscribeError as failed:
            error = failed
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
        except Exception as bug:  # noqa: BLE001 - a bug here must not end the call
            _log.error("deepgram_failed", session=self._session_id, exc_info=bug)
            error = EngineError("sending audio to Deepgram failed", retryable=True)
        finally:
            self._deadline = None
            await self._end(error)

    async def _end(self, error: CallscribeError | None) -> None:
        """Tells what is still to be told."""
        if error is not None:
            self._lost = True
            _log.warning("deepgram_lost", session=self._session_id, code=error.code)
        await self._teller.close(LAST_RESULTS)
        if error is not None:
            await self._teller.call(Lost(error))  # however long it takes: another may take over
        if self.on_close is not None:
            await self.on_close(self)

    async def _send_all(self) -> None:
        try:
            while not (self._closing and not self._waiting):
                await self._work.wait()
                self._work.clear()
                pieces = await self._pieces()
                if pieces:  # what was seen of them does not count any more
                    self._drop_glance()
                await self._send(pieces)
                await self._tell_silence()
                await self._look()
        finally:
            self._drop_glance()
        await self._send(self._cutter.flush())

    def _drop_glance(self) -> None:
        if self._glances is not None:
            self._glances.drop()

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
            took = self._monotonic() - began
            self._settled = piece.end(self._rate)
            heard = of_piece(answer, piece.start, self._settled, took)
            heard, self._voices = told_apart(heard, self._voices)
            await self._teller.tell(heard)

    async def _look(self) -> None:
        """Tells what the open piece says so far, and has it looked at again when it is time."""
        if self._glances is None:
            return
        so_far = self._glances.take()
        if so_far is not None:
            await self._teller.tell(so_far)
        if not (self._waiting or self._finalize or self._closing):
            self._glances.go_on(self._cutter, self._voices)

    async def _tell_silence(self) -> None:
        """Says that nobody spoke where audio was left out."""
        until = self._cutter.cut_to
        if until > self._settled + 0.001:
            self._settled = until
            await self._teller.tell(Silent(until))

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
