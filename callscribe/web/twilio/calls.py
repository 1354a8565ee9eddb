"""The telephone calls that run: which session each is, and what its streams have left behind.

May import ``service``, ``leg``, ``events``, ``errors``, ``wire`` and the rest of ``web.twilio``.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from callscribe.errors import ProtocolError, SessionError, SessionNotFound
from callscribe.events import LegStarted
from callscribe.leg import Leg
from callscribe.service import EnhancedTranscriptionService
from callscribe.session import Session
from callscribe.wire.twilio import RATE

CALL_SID: Final = re.compile(r"CA[0-9a-fA-F]{32}")

SESSION: Final = re.compile(rf"twilio-({CALL_SID.pattern})(?:-([0-9]+))?")
"""The name of a call's session; it has a number where the call was sent here again."""

OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""What Twilio calls a call that is no more."""

MOST_AGAIN: Final = 5
"""Streams that are started anew for a call within ``AGAIN_WITHIN``; then it is left alone."""
AGAIN_WITHIN: Final = 120.0
"""Seconds."""

MOST_TIMES: Final = 100
"""How often one call may be sent here."""

MOST_EXPECTED: Final = 1000
"""Answered calls that are remembered until their stream comes; the oldest make room."""


@dataclass(slots=True)
class Place:
    """Where the leg of a track is: what a later stream needs to take it up again."""

    leg: Leg
    first_sample: float | None = None
    """When the leg's first sample was spoken (monotonic s); None while nothing has come."""


@dataclass(slots=True)
class Call:
    """One call of Twilio's."""

    call_sid: str
    session_id: str
    language: str = ""
    places: dict[str, Place] = field(default_factory=dict)
    """Its legs by track."""
    stream_sid: str = ""
    """The stream that is there now; empty: none."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the call has ended, or its stream was stopped as it should be."""
    again: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_AGAIN))
    """When streams were started anew (monotonic s)."""
    awaited: str = ""
    """The stream that Twilio was asked to start and that has not come yet; empty: none."""

    def may_start_again(self, now: float) -> bool:
        """Whether one more stream is worth a try; counts it."""
        if len(self.again) == MOST_AGAIN and now - self.again[0] < AGAIN_WITHIN:
            return False
        self.again.append(now)
        return True


class TelephoneCalls:
    """All calls that run, by their CallSid; ``monotonic`` is in seconds."""

    def __init__(
        self, service: EnhancedTranscriptionService, monotonic: Callable[[], float]
    ) -> None:
        self.service = service
        self.monotonic = monotonic
        self._running: dict[str, Call] = {}
        self._expected: dict[str, str] = {}

    def expect(self, call_sid: str, language: str) -> None:
        """A call was answered whose stream has not come yet."""
        self._expected[call_sid] = language
        if len(self._expected) > MOST_EXPECTED:
            del self._expected[next(iter(self._expected))]

    async def missed(self, call_sid: str) -> Call | None:
        """A call that nobody here knows, but whose stream was to come; None: no such call.

        Its first stream has never come, or the server died in the middle of it. Errors of
        ``begin``.
        """
        waiting = self._waiting().get(call_sid)
        spoken = None if waiting is None else self._language(waiting)
        language = self._expected.get(call_sid, spoken)
        return None if language is None else await self.begin(call_sid, language)

    def take_up(self) -> list[Call]:
        """The calls whose server died and whose sessions wait for them; from here on they run."""
        found = []
        for call_sid, session in self._waiting().items():
            if session.interrupted and call_sid not in self._running:
                call = Call(call_sid, session.session_id, self._language(session))
                self._running[call_sid] = call
                found.append(call)
        return found

    def get(self, call_sid: str) -> Call | None:
        """A call that runs; None for one that nobody knows, or that is over."""
        return self._running.get(call_sid)

    async def begin(self, call_sid: str, language: str) -> Call:
        """The call with its session, which is made where there is none yet.

        ``ProtocolError`` for what is no CallSid; errors of ``initialize_session``.
        """
        if not CALL_SID.fullmatch(call_sid):
            raise ProtocolError("a CallSid is CA and 32 hexadecimal digits")
        self._sweep()
        self._expected.pop(call_sid, None)
        call = self._running.get(call_sid)
        if call is None:
            session_id = await self._session_for(call_sid)
            call = self._running.setdefault(call_sid, Call(call_sid, session_id, language))
        return call

    def end(self, call: Call) -> None:
        """The call is over: its session ends as soon as its last words are written down."""
        call.over.set()
        self._running.pop(call.call_sid, None)
        session = self.session(call)
        if session is not None:
            session.ask_end()

    def session(self, call: Call) -> Session | None:
        """The call's session, where it still runs."""
        return self._open(call.session_id)

    def _open(self, session_id: str) -> Session | None:
        try:
            session = self.service.session(session_id)
        except SessionNotFound:
            return None
        return None if session.legs.closed else session

    def _waiting(self) -> dict[str, Session]:
        """The sessions that may be joined, by CallSid; of several of one call the latest."""
        found: dict[str, tuple[int, Session]] = {}
        for session in self.service.sessions():
            named = SESSION.fullmatch(session.session_id)
            if named is not None and not session.legs.closed:
                call_sid, number = named[1], int(named[2] or 1)
                if call_sid not in found or number > found[call_sid][0]:
                    found[call_sid] = number, session
        return {call_sid: session for call_sid, (_, session) in found.items()}

    def _language(self, session: Session) -> str:
        """What was spoken on the telephone before its server died; empty: as configured."""
        told = self.service.history(session.session_id)
        begun = (e for e in reversed(told) if isinstance(e, LegStarted) and e.sample_rate == RATE)
        return next((leg.language for leg in begun), "")

    async def _session_for(self, call_sid: str) -> str:
        """A session that waits for this call under its name, or a new one."""
        waiting = self._waiting().get(call_sid)
        if waiting is not None:
            return waiting.session_id
        for number in range(1, MOST_TIMES):
            session_id = f"twilio-{call_sid}" + (f"-{number}" if number > 1 else "")
            try:
                return await self.service.initialize_session(session_id)
            except SessionError as error:
                if error.code != "session_exists":
                    raise  # else the call was sent here again after its end
        raise SessionError("this call was sent here too often", code="session_exists")

    def _sweep(self) -> None:
        """Forgets calls whose session has ended otherwise."""
        for call_sid, call in list(self._running.items()):
            if self.session(call) is None:
                call.over.set()
                del self._running[call_sid]
