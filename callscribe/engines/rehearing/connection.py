"""One leg whose unsure finals are heard again while it goes on.

What is to be heard when is decided by ``choice``. May import ``audio``, ``engines.base``,
``engines.encoded``, ``engines.lane``, ``engines.telling``, ``engines.resilient.tape``, ``flag`` and
its own room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from callscribe.audio import WIDTH, FloatArray
from callscribe.engines.base import (
    EngineEvent,
    Listening,
    Reheard,
    StreamingConnection,
    StreamOptions,
    Swift,
    TakenOver,
    Teachable,
    TranscriptCallback,
)
from callscribe.engines.encoded import to_samples
from callscribe.engines.lane import Lane
from callscribe.engines.rehearing.choice import KEPT, Choice, is_guessed
from callscribe.engines.rehearing.clip import Clip, Hearing, surest
from callscribe.engines.rehearing.hearers import Hearer, Hearers
from callscribe.engines.resilient.tape import Tape
from callscribe.engines.telling import EngineTeller
from callscribe.flag import Flag
from callscribe.sureness import Sureness
from callscribe.transcript import Result, join_text, mean_confidence

FINISHING: Final = 6.0
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
        sureness: Sureness,
        hearers: Hearers,
        listening: str,
        on_transcript: TranscriptCallback,
    ) -> None:
        self._session_id = session_id
        self._language = language
        self._rate = sample_rate
        self._options = options
        self._sureness = sureness
        self._choice = Choice()
        self._hearers = hearers
        self._listening = listening
        self._tape = Tape(sample_rate, WIDTH[options.encoding], memory=KEPT, most=KEPT)
        self._teller = EngineTeller(on_transcript, session_id)
        self.show = self._teller.put
        """Takes an interim, which is never heard again."""
        self._inner: StreamingConnection | None = None
        self.lane = Lane(self._keep)
        """How audio that nothing is in the way of gets to who listens; see ``Swift``."""
        self._wake = Flag()
        self._look_at = float("inf")
        """The sample at which something may be due."""
        self._closing = Flag()
        self._ended = False
        # The one task of a leg here; it owns the one that hears finals again, one by one.
        self._task = asyncio.create_task(self._run(), name=f"rehearing-{session_id}")

    def follow(self, inner: StreamingConnection) -> None:
        """Names the connection that listens."""
        self._inner = inner
        self.lane.follow(inner.lane if isinstance(inner, Swift) else None)

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
        self.lane.settle()
        self._tape.append(audio)
        await self._inner.send_audio(audio)
        self._look()

    def _keep(self, audio: bytes, _since: float, _now: float) -> None:
        """Keeps what has gone to who listens by the lane."""
        self._tape.append(audio)
        self._look()

    def _look(self) -> None:
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

    def hear(self, event: EngineEvent) -> Awaitable[None] | None:
        """Takes what the engine says; the callback of the connection behind it."""
        if isinstance(event, TakenOver | Listening):
            self.listens(event.engine)
        is_full = self._teller.put(event)
        if isinstance(event, Result) and event.is_final:
            self.lane.settle()
            try:
                self._note(event)
            except Exception:  # noqa: BLE001 - the first hearing stands, the call goes on
                _log.exception("rehearing_failed", session=self._session_id)
        return self._teller.room() if is_full else None

    def listens(self, engine: str) -> None:
        """Names the engine that listens now."""
        self._listening = engine
        # What is sent away is paid for by the second: there a final is heard alone if it can be.
        self._choice.in_company = any(not h.provider for h in self._hearers.over(engine))

    def _note(self, final: Result) -> None:
        again = self._sureness.is_unsure(final, self._language)
        again = again and bool(self._hearers.over(self._listening, guessed=is_guessed(final)))
        heard = self._tape.end / self._rate
        self._choice.add(final, self._listening, again=again, heard=heard)
        self._forget()
        self._wake.set()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                rehearing = tasks.create_task(self._rehear())
                await self._closing.wait()
                await self._close_inner()
                self._ended = True
                self._wake.set()
                _, late = await asyncio.wait([rehearing], timeout=FINISHING)
                if late:
                    _log.info("unsure_finals_left", session=self._session_id)
                    rehearing.cancel()
        finally:
            self._tape.close()
            await self._teller.close(TELLING)

    async def _close_inner(self) -> None:
        try:
            if self._inner is not None:
                await self._inner.close()
        except Exception:  # noqa: BLE001 - what it has told is kept
            _log.exception("engine_not_closed", session=self._session_id)

    async def _rehear(self) -> None:
        """Hears what is due, until the leg has ended and nothing waits."""
        try:
            while not (self._ended and self._choice.due_at is None):
                clip = self._choice.take(
                    self._tape.end / self._rate,
                    kept_from=self._tape.first / self._rate,
                    ended=self._ended,
                )
                if clip is not None:
                    await self._hear_again(clip)
                    self._forget()
                elif not self._ended:
                    due = self._choice.due_at
                    self._look_at = float("inf") if due is None else due * self._rate
                    self._wake.clear()
                    await self._wake.wait()
        except Exception:  # noqa: BLE001 - first hearings stand, the call goes on
            _log.exception("rehearing_failed", session=self._session_id)

    async def _hear_again(self, clip: Clip) -> None:
        # Read at once: the tape lets go of what no final waits for.
        stretches = [self._read(piece.start, piece.end) for piece in clip.pieces]
        for hearer in self._hearers.over(clip.by, guessed=is_guessed(clip.final)):
            part, own = clip, stretches
            if hearer.provider:  # what it hears is paid for by the second
                part = clip.onwards if is_guessed(clip.final) else clip.alone
                own = stretches[clip.target :][: len(part.pieces)]
            if hearer.name == clip.by and len(part.pieces) == 1 and hearer.provider:
                continue  # it would hear the same
            hearings: list[Hearing] = []
            try:
                await self._listen(hearer, part, own, hearings)
            finally:  # the leg may end meanwhile
                best = surest(hearings)
                if best is not None:
                    await self._replace(best, hearer.name)
            if hearings:
                return

    async def _listen(
        self, hearer: Hearer, clip: Clip, stretches: Sequence[bytes], hearings: list[Hearing]
    ) -> None:
        """Adds what one of them understands; nothing where it cannot hear the clip, or not now."""
        first = await self._ask(hearer, clip, stretches)
        if first is None:
            return
        hearings.append(first)
        if clip.target > 0 and not first.is_clear:
            # What was said before can mislead as it can help.
            onwards = await self._ask(hearer, clip.onwards, stretches[clip.target :])
            hearings += [onwards] if onwards is not None else []

    async def _ask(self, hearer: Hearer, clip: Clip, stretches: Sequence[bytes]) -> Hearing | None:
        language = clip.final.language or self._language
        audio = await asyncio.to_thread(self._audio, clip, stretches)
        found = await self._hearers.ask(hearer, audio, language, self._options)
        if found is None:
            return None
        return Hearing(clip, clip.words(found.words), by_request=bool(hearer.provider))

    async def _replace(self, hearing: Hearing, by: str) -> None:
        """Tells what was understood more surely."""
        own, words = hearing.clip.final, hearing.words
        again = Result(
            text=join_text(word.text for word in words),
            start=words[0].start,
            end=words[-1].end,
            is_final=True,
            speech_final=own.speech_final,
            words=words,
            confidence=mean_confidence(words),
            language=own.language,
        )
        if again.text == own.text and self._sureness.is_unsure(again, self._language):
            return  # it is as unsure as before
        await self._teller.tell(Reheard(own.start, own.end, again, by))

    def _read(self, start: float, end: float) -> bytes:
        return self._tape.read(round(start * self._rate), round(end * self._rate))

    def _audio(self, clip: Clip, pieces: Sequence[bytes]) -> FloatArray:
        samples = [to_samples(piece, self._options.encoding) for piece in pieces]
        return clip.audio(samples, self._rate)

    def _forget(self) -> None:
        heard = self._tape.end / self._rate
        self._tape.forget(int(self._choice.needed_from(heard) * self._rate))
