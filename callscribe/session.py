"""One call, from its first leg to its saved transcript. The one place with a task group.

``run`` lives as long as the call does. Whoever wants a leg or the session to end asks for it and
waits; ``run`` does it, so that a caller who goes away leaves nothing half done. May import
``legs``, ``leg``, ``record``, ``ledger``, ``past``, ``engines.base`` and core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from callscribe import events
from callscribe.audio import Encoding
from callscribe.engines.base import TranscriptionEngine
from callscribe.flag import Flag
from callscribe.former import Recording
from callscribe.ledger import Ledger
from callscribe.leg import Attachment, Leg, LegState
from callscribe.legs import Legs
from callscribe.past import Past
from callscribe.record import Record
from callscribe.settings import TranscriptionConfig
from callscribe.shelf import Shelf
from callscribe.transcript import Transcript

LAST_FINALS = 75.0
"""Seconds that an engine may take to close a leg; its own deadlines, for finals, for the repair of
gaps and for what is heard again, are shorter together."""

SAVING = 15.0
"""Seconds that one sink may take for a transcript."""

TranscriptSink = Callable[[Transcript], Awaitable[None]]
"""Takes the transcript of a session that has ended. What it raises is logged and counted."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session is given: where events go, who keeps transcripts, the clocks, its patience.

    ``leg_grace``, ``idle`` and ``silence`` are seconds: for a lost client and after the last one
    has hung up, for a session without any leg, and for one in which nobody speaks (0: for ever).
    ``clock`` is UNIX time, ``monotonic`` measures waiting; both in seconds.
    """

    ledger: Ledger
    sinks: Sequence[TranscriptSink]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    leg_grace: float
    idle: float
    silence: float = 0.0
    shelf: Shelf = field(default_factory=Shelf)
    """Where what was said a while ago goes."""
    server: str = ""
    """Who begins the sessions; see ``events.SessionStarted``."""


class Session:
    """A call between two or more speakers, all served by one engine under one configuration."""

    def __init__(
        self,
        session_id: str,
        config: TranscriptionConfig,
        engine: TranscriptionEngine,
        around: Surroundings,
    ) -> None:
        self.session_id = session_id
        self.config = config
        self.started_at = around.clock()
        self.ended_at: float | None = None
        self.ended = Flag()
        self.interrupted = False
        """An earlier process began it and died; no leg has come back yet."""
        self.deleted = False
        """Somebody has deleted it while it went on; whoever speaks is told so."""
        self.record = Record(
            session_id, around.ledger, around.monotonic, config.unsure_below, around.shelf
        )
        self.engine_name = engine.name
        self._around = around
        self._changed = Flag()
        self._hung_up = False
        """Who left last said so, instead of being lost."""
        self._began = around.monotonic()
        self._alone_since: float | None = self._began
        self.legs = Legs(
            self.record,
            config,
            engine,
            clock=around.clock,
            monotonic=around.monotonic,
            grace=around.leg_grace,
            on_change=self._look_again,
        )

    @property
    def monotonic(self) -> Callable[[], float]:
        """The clock that waiting is measured by, seconds."""
        return self._around.monotonic

    def begin(self) -> None:
        """Publishes the first event."""
        self.record.publish(
            events.SessionStarted,
            engine=self.engine_name,
            server=self._around.server,
            config=self.config.model_dump(mode="json"),
        )
        _log.info("session_started", session_id=self.session_id, engine=self.engine_name)

    def take_up(self, past: Past) -> None:
        """Goes on with a call whose server died: what was written down, and where it broke off."""
        self.interrupted = True
        self.started_at = past.call.started_at
        self.record.take_up(past)
        self.record.publish(events.SessionInterrupted)
        self.legs.take_up(past, self._around.clock() - self._around.monotonic())
        _log.warning(
            "session_interrupted",
            session_id=self.session_id,
            utterances=len(past.transcript.utterances),
        )

    def swap(self, one: str, other: str) -> None:
        """Exchanges the names of two speakers, in what was said and from now on.

        ``LegNotFound`` for a speaker who has no leg.
        """
        self.legs.swap(one, other)
        self.record.swap(one, other)

    async def open_leg(
        self,
        speaker: str,
        *,
        sample_rate: int,
        encoding: Encoding = "linear16",
        language: str = "",
        resume: str = "",
        waiting: float = 0.0,
        recording: Recording | None = None,
    ) -> Attachment:
        """Opens a leg, or takes one up again by its ``resume`` token; errors as in ``Legs``.

        ``waiting`` and ``recording`` are as in ``Legs.open``; a leg that is taken up again has its
        place already.
        """
        if resume:
            return self.legs.resume(speaker, resume, sample_rate, encoding)
        return await self.legs.open(
            speaker, sample_rate, language, encoding, waiting=waiting, recording=recording
        )

    async def end_leg(self, speaker: str) -> Leg:
        """Ends the speaker's leg and waits until its last final is out. Idempotent."""
        leg = self.legs.of(speaker)
        await self.legs.end(leg)
        return leg

    async def finalize(self, speaker: str) -> None:
        """Asks for a final of what the speaker has said so far."""
        leg = self.legs.of(speaker)
        if leg.connection is not None and not leg.end_asked:
            await leg.connection.finalize()

    async def end(self) -> Transcript:
        """Ends the session and waits until its transcript is complete and saved. Idempotent."""
        self.ask_end()
        await self.ended.wait()
        return self.record.transcript

    def drain(self, seconds: float) -> None:
        """Takes no new leg, and says that the call has ``seconds`` left: the server ends."""
        self.legs.draining = True
        if self.legs.live and not self.legs.closed:
            left = f"goes on for up to {seconds:g} s, then it" if seconds else "now"
            self.notify(
                "server_ending",
                f"The server is about to end: this call {left} ends, with all words kept.",
            )

    def ask_end(self) -> None:
        """Has the session end soon, without waiting for it."""
        self.legs.closed = True
        self._changed.set()

    async def run(self) -> None:
        """Ends the legs that are due until the session itself is; then brings everything home."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._watch(tasks)
                self.legs.closed = True
                self._finish_due(tasks, float("inf"))
            self.ended_at = self._around.clock()
            await self.record.settled()
            for sink in self._around.sinks:
                await self._hand_over(sink)
        finally:
            self.record.end()
            self.ended.set()
            transcript = self.record.transcript
            _log.info(
                "session_ended",
                session_id=self.session_id,
                utterances=len(transcript.utterances),
                seconds=round(transcript.duration, 1),
                internal_errors=self.record.faults,
            )

    def _look_again(self) -> None:
        """Something about the legs has changed: whether there are any, or what one waits for."""
        if self.legs.occupied:
            self._alone_since = None
            self.interrupted = False
        elif self._alone_since is None:
            self._alone_since = self._around.monotonic()
        self._changed.set()

    async def _watch(self, tasks: asyncio.TaskGroup) -> None:
        """Returns when the session is to end."""
        while not self.legs.closed:
            now = self._around.monotonic()
            waits = self._finish_due(tasks, now)
            if self._alone_since is not None:
                waits.append(self._alone_since + self._loneliness - now)
                if waits[-1] <= 0:
                    return
            if self._around.silence:
                waits.append(self._spoke_at + self._around.silence - now)
                if waits[-1] <= 0:
                    self.notify("silence", "Nobody spoke for a long time: the call is closed.")
                    return
            try:
                async with asyncio.timeout(min(waits, default=None)):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()

    @property
    def _loneliness(self) -> float:
        """How long the session waits for a leg: not so long for one who has hung up."""
        return self._around.leg_grace if self._hung_up else self._around.idle

    @property
    def _spoke_at(self) -> float:
        """When somebody was heard last, on the monotonic clock."""
        return max(self._began, self.record.heard_at)

    def _finish_due(self, tasks: asyncio.TaskGroup, now: float) -> list[float]:
        """Begins to finish the legs that are due at ``now``; how long the others still wait."""
        waits = []
        for leg in self.legs.live:
            deadline = leg.deadline(self._around.leg_grace)
            if leg.ending:
                continue
            if now == float("inf") or (deadline is not None and deadline <= now):
                leg.ending = True
                tasks.create_task(self._finish(leg))
            elif deadline is not None:
                waits.append(deadline - now)
        return waits

    async def _finish(self, leg: Leg) -> None:
        """Closes the way into the engine, waits for its last finals, says that the leg is over."""
        self._hung_up = leg.end_asked
        leg.ask_end()
        try:
            if leg.connection is not None:
                async with asyncio.timeout(LAST_FINALS):
                    await leg.connection.close()
            leg.heard_out()
        except Exception as error:  # noqa: BLE001 - whatever an engine does, the call must end
            self.record.fault("last_finals_failed", leg.speaker, error)
            self.notify(
                "last_finals_failed",
                f"The last words of {leg.speaker} may be missing: the engine did not finish.",
                leg.speaker,
            )
        self.record.finish(leg)
        if leg.offset is None:
            leg.begin(leg, 0.0)  # no audio ever came: who counts beginnings and ends must agree
        self.record.make_up(leg, over=True)
        leg.state = LegState.ENDED
        self.record.publish(events.LegEnded, speaker=leg.speaker, seconds=leg.seconds)
        leg.ended.set()
        self._look_again()
        _log.info(
            "leg_closed",
            session_id=self.session_id,
            speaker=leg.speaker,
            seconds=round(leg.seconds, 1),
        )

    def notify(self, code: str, message: str, speaker: str | None = None) -> None:
        """Says something to whoever follows the session."""
        self.record.publish(events.Notice, code=code, message=message, speaker=speaker)

    async def _hand_over(self, sink: TranscriptSink) -> None:
        try:
            async with asyncio.timeout(SAVING):
                await sink(self.record.transcript.copy())  # it may be read in a thread
        except Exception as error:  # noqa: BLE001 - one sink's trouble is not the next one's
            self.record.fault("transcript_not_handed_over", None, error)
