"""``EnhancedTranscriptionService``: the façade that the web and the command line call.

May import ``session``, ``sessions``, ``engines.base``, ``bus``, ``settings``, ``wire`` and core.
Engines, bus and configuration are handed in; who made them closes them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from callscribe import logs
from callscribe.audio import Encoding
from callscribe.bus.base import Bus, Subscription
from callscribe.engines.base import StreamingConnection, TranscriptionEngine
from callscribe.engines.resilient import caveat
from callscribe.errors import CapacityError, SessionError
from callscribe.events import Event
from callscribe.former import Recording
from callscribe.ladder import STAND_IN, Ladders
from callscribe.ledger import Ledger
from callscribe.leg import Attachment, Leg
from callscribe.past import Past
from callscribe.session import Session, Surroundings, TranscriptSink
from callscribe.sessions import Sessions
from callscribe.settings import Settings, TranscriptionConfig
from callscribe.shelf import Shelf
from callscribe.transcript import Transcript
from callscribe.wire.browser import NAME


class Configuration(Protocol):
    """Where the configuration of the next session is read."""

    @property
    def current(self) -> TranscriptionConfig:
        """The configuration as it is now."""
        ...


class EnhancedTranscriptionService:
    """Live transcription of calls: sessions begin, audio goes in, events and transcripts come out.

    ``engines`` are those that can be used, by name; ``check`` is asked before one gets a session
    and raises where it has turned out that it cannot after all. ``ledger`` keeps events in a store;
    without one they live as long as the process. ``shelf`` takes what was said a while ago in calls
    that go on. ``clock`` is UNIX time, ``monotonic`` measures
    waiting, both in seconds. Use it as an async context manager, or ``close`` it: shutting down
    loses nothing.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engines: Mapping[str, TranscriptionEngine],
        bus: Bus,
        configuration: Configuration,
        sinks: Sequence[TranscriptSink] = (),
        check: Callable[[str], None] = lambda _engine: None,
        ledger: Ledger | None = None,
        shelf: Shelf | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        logs.ensure()
        self._ladders = Ladders(engines)
        self._bus = bus
        self._configuration = configuration
        self._check = check
        self._ledger = ledger or Ledger(bus, clock)
        self._around = Surroundings(
            ledger=self._ledger,
            sinks=sinks,
            clock=clock,
            monotonic=monotonic,
            leg_grace=settings.leg_grace,
            idle=settings.session_idle,
            silence=settings.session_silence,
            shelf=shelf or Shelf(),
        )
        self._sessions = Sessions(self._forgotten)
        self.draining = False
        """Nothing new is taken."""
        self.closing = False
        """What runs is being ended."""

    async def initialize_session(
        self, session_id: str | None = None, *, config: TranscriptionConfig | None = None
    ) -> str:
        """Begins a session and returns its id; it keeps this configuration to its end.

        Without an id one is made. ``SessionError`` for an id that is taken or cannot be one,
        ``CapacityError`` while the service shuts down or no leg is free, and what ``check`` raises.
        """
        if self.draining:
            raise CapacityError("the server is shutting down; try again", code="shutting_down")
        if session_id is None:
            session_id = uuid.uuid4().hex
        else:
            await self._check_new(session_id)
            if (
                session_id in self._sessions
            ):  # somebody else was as quick; from here on nobody waits
                raise _exists(session_id)
        config = config or self._configuration.current
        engine, instead_of = self._ladders.choose(config)
        self._check(engine.name)
        self._check_capacity(engine)
        session = Session(session_id, config, engine, self._around)
        session.begin()
        # That another engine listens was said when the server started. A call is told only where
        # somebody relies on what that engine does not do.
        if instead_of is not None and (relied_on := caveat(config.deepgram_query)):
            session.notify("engine_stand_in", f"{engine.name} listens. {relied_on}")
        elif config.transcription_backend == STAND_IN and config.deepgram_diarize:
            voices = caveat([("diarize", "true")])
            session.notify("voices_not_told_apart", f"{engine.name} listens. {voices}")
        self._sessions.run(session)
        return session_id

    def identify(self, server: str) -> None:
        """Names this server in the calls that it begins, so that it finds them after a crash."""
        self._around = replace(self._around, server=server)

    def take_up(self, past: Past) -> None:
        """Goes on with a call whose server died: its legs may come back as they would have.

        It ends like any other call when none does.
        """
        session_id = past.call.session_id
        try:
            config = TranscriptionConfig.model_validate(past.call.config)
        except ValueError:  # of an older or a newer version
            config = self._configuration.current
        engine, _ = self._ladders.choose(config)
        self._ledger.go_on(session_id, past.next_seq)
        for event in past.events:
            self._bus.publish(event)
        session = Session(session_id, config, engine, self._around)
        session.take_up(past)
        self._sessions.run(session)

    async def _check_new(self, session_id: str) -> None:
        if not NAME.fullmatch(session_id):
            raise SessionError(
                "a session id may hold up to 64 letters, digits and _ . : - "
                "and begins with a letter or digit"
            )
        if session_id not in self._sessions and not await self._ledger.knows(session_id):
            return
        raise _exists(session_id)

    async def process_audio_stream(
        self, session_id: str, speaker: str, audio: bytes, *, sample_rate: int = 16_000
    ) -> None:
        """Hands over a piece of a speaker's audio: 16-bit little-endian mono PCM.

        The first piece opens the leg. ``SessionNotFound`` when the session was not initialised,
        ``SessionClosed`` when it has ended, ``AudioError`` for half samples or a rate
        other than the leg's.
        """
        await self.session(session_id).legs.feed(speaker, audio, sample_rate)

    async def open_leg(
        self,
        session_id: str,
        speaker: str,
        *,
        sample_rate: int = 16_000,
        encoding: Encoding = "linear16",
        language: str = "",
        resume: str = "",
        waiting: float = 0.0,
        recording: Recording | None = None,
    ) -> Attachment:
        """Opens a leg for a client that may be lost and come back with the ``resume`` token.

        ``waiting`` is how old (s) the first sample is where the client records already;
        ``recording`` is as in ``Legs.open``.
        Errors: those of ``Legs.open`` and ``Legs.resume``, and ``SessionNotFound``.
        """
        return await self.session(session_id).open_leg(
            speaker,
            sample_rate=sample_rate,
            encoding=encoding,
            language=language,
            resume=resume,
            waiting=waiting,
            recording=recording,
        )

    async def end_leg(self, session_id: str, speaker: str) -> Leg:
        """Ends a speaker's leg and waits for its last final. Idempotent."""
        return await self.session(session_id).end_leg(speaker)

    async def end_session(self, session_id: str) -> Transcript:
        """Ends a session, waits for the last finals and gives the transcript. Idempotent."""
        transcript = await self.session(session_id).end()
        await self._ledger.settled(session_id)
        return transcript

    async def delete_session(self, session_id: str) -> None:
        """Ends a session and drops it from memory, with its events."""
        await self.end_session(session_id)
        self._sessions.forget(session_id)

    def swap_roles(self, session_id: str, one: str, other: str) -> None:
        """Exchanges the names of two speakers of a session, back to its beginning.

        ``SessionNotFound``, ``LegNotFound`` for a speaker who has no leg.
        """
        self.session(session_id).swap(one, other)

    async def settled(self, session_id: str) -> None:
        """Waits until all that has happened in a session is kept by the store."""
        await self._ledger.settled(session_id)

    def session(self, session_id: str) -> Session:
        """The session with this id; ``SessionNotFound`` when there is none."""
        return self._sessions[session_id]

    def sessions(self) -> list[Session]:
        """All sessions in memory, the latest first."""
        return list(self._sessions)[::-1]

    def transcript(self, session_id: str) -> Transcript:
        """What has been said so far in a session; it grows while the session lives."""
        return self.session(session_id).record.transcript

    def subscribe(self, session_id: str, since: int = 0) -> Subscription:
        """The session's durable events above ``since``, then all as they happen, to its end."""
        self.session(session_id)
        return self._bus.subscribe(session_id, since)

    def history(self, session_id: str, since: int = 0) -> list[Event]:
        """The session's durable events with a number above ``since``."""
        self.session(session_id)
        return self._bus.history(session_id, since)

    @property
    def streaming_connections(self) -> Mapping[str, StreamingConnection]:
        """A read-only view of the live legs' ways into their engine, by ``session_speaker``."""
        return self._sessions.connections

    @property
    def live_legs(self) -> int:
        """How many legs are open or wait for their client."""
        return sum(len(session.legs.live) for session in self._sessions)

    def drain(self, seconds: float) -> None:
        """Takes no new session or leg; running calls are told that ``seconds`` are left to them."""
        self.draining = True
        for session in self._sessions:
            if not session.ended.is_set():
                session.drain(seconds)

    async def close(self) -> None:
        """Ends all sessions at once and waits for their finals and transcripts. Idempotent."""
        self.draining = self.closing = True
        for session in self._sessions:
            session.ask_end()
        await self._sessions.ended()
        await self._ledger.all_settled()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _check_capacity(self, engine: TranscriptionEngine) -> None:
        """Refuses a call that could have no leg."""
        most = getattr(engine, "max_legs", 0)
        taken = sum(len(s.legs.live) for s in self._sessions if s.engine_name == engine.name)
        if most and taken >= most:
            raise CapacityError(
                f"all {most} legs that {engine.name} carries at once are taken; "
                "try again when a call has ended"
            )

    def _forgotten(self, session_id: str) -> None:
        self._ledger.forget(session_id)
        self._bus.forget(session_id)


def _exists(session_id: str) -> SessionError:
    return SessionError(f"there is a session {session_id} already", code="session_exists")
