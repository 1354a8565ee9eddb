"""One leg whose unsure finals are heard again while it goes on.

What is to be heard when is decided by ``choice``. May import ``audio``, ``engines.base``,
``engines.encoded``, ``engines.telling``, ``engines.resilient.tape`` and its own room.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from callscribe.audio import WIDTH, Int16Array
from callscribe.engines.base import (
    EngineEvent,
    Listening,
    Reheard,
    StreamingConnection,
    StreamOptions,
    TakenOver,
    Teachable,
    TranscriptCallback,
)
from callscribe.engines.encoded import to_samples
from callscribe.engines.rehearing.choice import KEPT, Choice
from callscribe.engines.rehearing.clip import Clip, is_surer
from callscribe.engines.rehearing.hearers import Hearers
from callscribe.engines.resilient.tape import Tape
from callscribe.engines.telling import EngineTeller
from callscribe.transcript import Result, join_text, mean_confidence

FINISHING: Final = 10.0
"""Seconds that ``close`` waits for what is still to be heard again; the rest stays as it is."""
TELLING: Final = 30.0

_log = structlog.get_logger(__name__)


class RehearingConnection:
    """Takes one leg's audio for the engine behind it, and keeps what may be heard again."""

    def __init__(
        self,
        session_id: str,
        language: str,
        sample_rate: int,
        options: StreamOptions,
        choice: Choice,
        hearers: Hearers,
        listening: str,
        on_transcript: TranscriptCallback,
    ) -> None:
        self._session_id = session_id
        self._language = language
        self._rate = sample_rate
        self._options = options
        self._choice = choice
        self._hearers = hearers
        self._listening = listening
        self._tape = Tape(sample_rate, WIDTH[options.encoding], memory=KEPT, most=KEPT)
        self._teller = EngineTeller(on_transcript, session_id)
        self._inner: StreamingConnection | None = None
        self._wake = asyncio.Event()
        self._look_at = float("inf")
        """The sample at which something may be due."""
        self._closing = asyncio.Event()
        self._ended = False
        # The one task of a leg here; it owns the one that hears finals again, one by one.
        self._task = asyncio.create_task(self._run(), name=f"rehearing-{session_id}")

    def follow(self, inner: StreamingConnection) -> None:
        """Names the connection that listens."""
        self._inner = inner

    @property
    def is_connected(self) -> bool:
        """As long as the connection behind it."""
        return self._inner is not None and self._inner.is_connected

    @property
    def callback_errors(self) -> int:
        """How often the callback raised; each is logged, none ends the stream."""
        return self._teller.errors

    async def send_audio(self, audio: bytes) -> None:
        """Takes mono audio in the leg's encoding, any whole number of samples."""
        assert self._inner is not None  # noqa: S101 - the engine hands it out with one
        await self._inner.send_audio(audio)
        self._tape.append(audio)
        if self._tape.end >= self._look_at:
            self._look_at = float("inf")
            self._wake.set()

    async def finalize(self) -> None:
        """Asks for a final of what has been heard so far."""
        if self._inner is not None:
            await self._inner.finalize()

    async def set_keyterms(self, keyterms: tuple[str, ...]) -> None:
        """Replaces the words to expect where the engine that listens can do that."""
        self._options = replace(self._options, keyterms=keyterms)
        if isinstance(self._inner, Teachable):
            await self._inner.set_keyterms(keyterms)

    async def close(self) -> None:
        """Ends the leg: its last finals, then ``FINISHING`` s at most for those that are unsure.

        Idempotent. In the callback it returns at once.
        """
        self._closing.set()
        if not self._teller.is_inside:
            await asyncio.shield(self._task)

    async def hear(self, event: EngineEvent) -> None:
        """Takes what the engine says; the callback of the connection behind it."""
        if isinstance(event, TakenOver | Listening):
            self.listens(event.engine)
        if isinstance(event, Result) and event.is_final:
            event = self._choice.mark(event)
            self._choice.add(event, self._listening)
            self._forget()
            self._wake.set()
        await self._teller.tell(event)

    def listens(self, engine: str) -> None:
        """Names the engine that listens now."""
        self._listening = engine
        hearers = self._hearers.over(engine)
        # What is sent away is paid for by the second: there it is heard alone.
        self._choice.in_company = bool(hearers) and not hearers[0].provider

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                rehearing = tasks.create_task(self._rehear())
                await self._closing.wait()
                try:
                    if self._inner is not None:
                        await self._inner.close()
                except Exception:  # noqa: BLE001 - what it has told is kept
                    _log.exception("engine_not_closed", session=self._session_id)
                self._ended = True
                self._wake.set()
                _, late = await asyncio.wait([rehearing], timeout=FINISHING)
                if late:
                    _log.warning("unsure_finals_left", session=self._session_id)
                    rehearing.cancel()
        finally:
            self._tape.close()
            await self._teller.close(TELLING)

    async def _rehear(self) -> None:
        """Hears what is due, until the leg has ended and nothing waits."""
        while True:
            clip = self._choice.take(self._tape.end / self._rate, ended=self._ended)
            if clip is not None:
                await self._attempt(clip)
            elif self._ended:
                return
            else:
                due = self._choice.due_at
                self._look_at = float("inf") if due is None else due * self._rate
                self._wake.clear()
                await self._wake.wait()

    async def _attempt(self, clip: Clip) -> None:
        try:
            await self._hear_again(clip)
        except Exception:  # noqa: BLE001 - the first hearing stands, the call goes on
            _log.exception("rehearing_failed", session=self._session_id)
        self._forget()

    async def _hear_again(self, clip: Clip) -> None:
        if clip.pieces[0].start * self._rate < self._tape.first:
            return  # the leg has run on, and that audio is not there any more
        audio = await asyncio.to_thread(clip.audio, self._read, self._rate)
        language = clip.final.language or self._language
        found = await self._hearers.hear(clip.by, audio, language, self._options)
        if found is None:
            return
        by, result = found
        words = clip.words(result.words)
        if not is_surer(clip.final, words):
            return
        own = clip.final
        text = join_text(word.text for word in words)
        if text == own.text:
            return
        again = Result(
            text=text,
            start=words[0].start,
            end=words[-1].end,
            is_final=True,
            speech_final=own.speech_final,
            words=words,
            confidence=mean_confidence(words),
            language=own.language,
        )
        await self._teller.tell(Reheard(own.start, own.end, self._choice.mark(again), by))

    def _read(self, start: float, end: float) -> Int16Array:
        audio = self._tape.read(round(start * self._rate), round(end * self._rate))
        return to_samples(audio, self._options.encoding)

    def _forget(self) -> None:
        heard = self._tape.end / self._rate
        self._tape.forget(int(self._choice.needed_from(heard) * self._rate))
