"""What happens in a session, as frozen events, and the one place that encodes them.

Pages, the terminal, the API and the agents all see these same events. ``seq`` counts the events
of one session from 1; interim results share the order but are not kept (a newer one replaces
them). Times of speech are seconds on the call clock: the leg's own time plus its ``offset``.
Core: no I/O; may import ``transcript``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from callscribe.transcript import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The head that every event has: its session, its number and the wall-clock time (UNIX s)."""

    type: ClassVar[str] = "event"
    durable: ClassVar[bool] = True

    session_id: str
    seq: int
    at: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: ``type`` and every field by its name."""
        data: dict[str, Any] = {"type": self.type}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, float):
                value = round(value, 4)
            elif isinstance(value, tuple) and value and isinstance(value[0], Word):
                value = [word.to_dict() for word in value]
            data[item.name] = value
        return data

    def to_json(self) -> str:
        """``to_dict`` as compact JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """A session was initialised."""

    type: ClassVar[str] = "session_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStarted(Event):
    """A speaker's audio begins. ``offset`` is the leg's first sample on the call clock (s)."""

    type: ClassVar[str] = "leg_started"

    speaker: str
    sample_rate: int
    language: str
    engine: str
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LegDetached(Event):
    """A leg's connection dropped; it may come back within ``grace`` seconds."""

    type: ClassVar[str] = "leg_detached"

    speaker: str
    grace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LegResumed(Event):
    """A leg's client came back and goes on from sample ``received``."""

    type: ClassVar[str] = "leg_resumed"

    speaker: str
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted(Event):
    """The VAD hears speech on a leg from ``start`` on."""

    type: ClassVar[str] = "speech_started"
    durable: ClassVar[bool] = False

    speaker: str
    utterance_id: str
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InterimResult(Event):
    """The words of the open utterance so far, not kept: each replaces the one before."""

    type: ClassVar[str] = "interim"
    durable: ClassVar[bool] = False

    speaker: str
    utterance_id: str
    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalResult(Event):
    """The words of an utterance that will not change any more.

    An utterance grows final by final; each restates it whole under the same ``utterance_id``, and
    ``speech_final`` says that this one was the last. ``text`` is empty when what the interims
    showed turned out to be nothing.
    """

    type: ClassVar[str] = "final"

    speaker: str
    utterance_id: str
    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    confidence: float = 0.0
    language: str | None = None
    speech_final: bool = True
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(Event):
    """A leg is over and its last final is out; ``seconds`` of audio were heard."""

    type: ClassVar[str] = "leg_ended"

    speaker: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The session is over and its transcript complete; nothing follows."""

    type: ClassVar[str] = "session_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something a person should know, for example that another engine stands in.

    ``cause`` is the code of the error behind it, ``request_id`` the upstream service's own name for
    the request that failed; both empty where there is none.
    """

    type: ClassVar[str] = "notice"

    code: str
    message: str
    speaker: str | None = None
    cause: str = ""
    request_id: str = ""
