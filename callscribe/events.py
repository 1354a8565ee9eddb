"""What happens in a session, as frozen events, and the one place that encodes them.

Pages, the terminal, the API and the agents all see these same events. ``seq`` counts the events
of one session from 1; interim results share the order but are not kept (a newer one replaces
them). Times of speech are seconds on the call clock: the leg's own time plus its ``offset``.
Core: no I/O; may import ``transcript``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct, field

from callscribe.transcript import Utterance, Word

_OF_AN_UTTERANCE = Utterance.__struct_fields__

_encode = msgspec.json.Encoder().encode


def _to_utf8(what: object) -> bytes:
    try:
        return _encode(what)
    except UnicodeEncodeError:  # half a character: escaped, it may be told
        return json.dumps(msgspec.to_builtins(what), separators=(",", ":")).encode()


def _to_dict(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(event)
    found["words"] = list(found["words"])
    return found


class Event(Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """The head that every event has: its session, its number and the wall-clock time (UNIX s)."""

    type: ClassVar[str] = "event"
    durable: ClassVar[bool] = True

    session_id: str
    seq: int
    at: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: ``type`` and every field by its name."""
        data: dict[str, Any] = {"type": self.type}
        for name in self.__struct_fields__:
            value = getattr(self, name)
            data[name] = round(value, 4) if isinstance(value, float) else value
        return data

    def to_json(self) -> str:
        """``to_dict`` as compact JSON text."""
        return self.to_utf8().decode()

    def to_utf8(self) -> bytes:
        """``to_json`` as it goes out."""
        return _to_utf8(self.to_dict())


class SessionStarted(Event, frozen=True, kw_only=True, gc=False, tag="session_started"):
    """A session was initialised, with this engine and configuration.

    ``server`` names the one that it belongs to, where several share a store.
    """

    type: ClassVar[str] = "session_started"

    engine: str = ""
    server: str = ""
    config: dict[str, Any] = field(default_factory=dict)


class SessionInterrupted(Event, frozen=True, kw_only=True, gc=False, tag="session_interrupted"):
    """The server died in mid-call and is there again; legs may come back and go on."""

    type: ClassVar[str] = "session_interrupted"


class LegStarted(Event, frozen=True, kw_only=True, gc=False, tag="leg_started"):
    """A speaker's audio begins. ``offset`` is the leg's first sample on the call clock (s).

    ``zero_at`` is the UNIX time at which the call clock stood at 0. ``encoding`` is empty in events
    of before it was written down, ``model`` also where nobody knows. ``recording`` is the client's
    name for what it records, of which the leg's first sample is the one numbered ``first``;
    ``whole``: nothing is missing between that and the leg that the recording had before.
    """

    type: ClassVar[str] = "leg_started"

    speaker: str
    sample_rate: int
    language: str
    engine: str
    offset: float
    zero_at: float = 0.0
    encoding: str = ""
    model: str = ""
    recording: str = ""
    first: int = 0
    whole: bool = False


class LegDetached(Event, frozen=True, kw_only=True, gc=False, tag="leg_detached"):
    """A leg's connection dropped; it may come back within ``grace`` seconds."""

    type: ClassVar[str] = "leg_detached"

    speaker: str
    grace: float


class LegResumed(Event, frozen=True, kw_only=True, gc=False, tag="leg_resumed"):
    """A leg's client came back and goes on from sample ``received``."""

    type: ClassVar[str] = "leg_resumed"

    speaker: str
    received: int


class SpeechStarted(Event, frozen=True, kw_only=True, gc=False, tag="speech_started"):
    """The VAD hears speech on a leg from ``start`` on."""

    type: ClassVar[str] = "speech_started"
    durable: ClassVar[bool] = False

    speaker: str
    utterance_id: str
    start: float


class InterimResult(Event, frozen=True, kw_only=True, gc=False, tag="interim"):
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

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; its numbers as they are: they were rounded when it was made."""
        return _to_dict(self)

    def to_utf8(self) -> bytes:
        """``to_json`` as it goes out."""
        return _to_utf8(self)


class FinalResult(Event, frozen=True, kw_only=True, gc=False, tag="final"):
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
    revision: int = 0
    """Above 0: what was closed already is replaced; each revision has the next number."""
    leak_of: str = ""
    """The utterance of another leg that was heard here through the air: to be shown once only."""
    repairs: int = 0
    """Above 0: it was heard later, in place of the gap with this ``seq``."""
    unsure: bool = False
    """Some of its words are less sure than the configuration asks for; it may be heard again."""
    heard_again: str = ""
    """The engine that has heard it again, surer of its words: they replace those of before."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; its numbers as they are: they were rounded when it was made."""
        return _to_dict(self)

    def to_utf8(self) -> bytes:
        """``to_json`` as it goes out."""
        return _to_utf8(self)

    @property
    def utterance(self) -> Utterance:
        """What it says, as a transcript has it."""
        return Utterance(**{name: getattr(self, name) for name in _OF_AN_UTTERANCE})


class Gap(Event, frozen=True, kw_only=True, gc=False, tag="gap"):
    """A stretch of a leg that nobody heard, ``start`` to ``end`` on the call clock (s)."""

    type: ClassVar[str] = "gap"

    speaker: str
    start: float
    end: float
    reason: str


class GapRepaired(Event, frozen=True, kw_only=True, gc=False, tag="gap_repaired"):
    """The gap with the number ``of_seq`` is none any more: it has been heard from kept audio.

    What was said there, ``start`` to ``end``, are the finals ``utterance_ids`` in order, which come
    before this; there are none where nobody spoke. They have that number as ``repairs``, unless a
    client has sent its audio once more. What is left of the gap comes behind it, as gaps of their
    own.
    """

    type: ClassVar[str] = "gap_repaired"

    speaker: str
    of_seq: int
    start: float
    end: float
    utterance_ids: tuple[str, ...] = ()


class RolesSwapped(Event, frozen=True, kw_only=True, gc=False, tag="roles_swapped"):
    """Two speakers change names: all that the one has said, and says from now on, the other said.

    Who follows the events exchanges the two names in all that came before; utterance ids stay.
    """

    type: ClassVar[str] = "roles_swapped"

    speakers: tuple[str, ...]


class CallStats(Event, frozen=True, kw_only=True, gc=False, tag="call_stats"):
    """How the call goes, from the finals so far, in seconds: see ``callscribe/talk.py``.

    Comes behind each utterance, and every few seconds of a long one.
    """

    type: ClassVar[str] = "call_stats"
    durable: ClassVar[bool] = False

    stats: dict[str, Any]


class AgentResult(Event, frozen=True, kw_only=True, gc=False, tag="agent_result"):
    """What an agent found. May come after the session has ended.

    ``kind`` says what it is (``alert``, ``entity``, ``summary``, ``delivery``), ``key`` makes it
    unique for the agent within the session, ``utterance_ids`` are the words it came from.
    """

    type: ClassVar[str] = "agent_result"

    agent: str
    kind: str
    key: str
    utterance_ids: tuple[str, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)


class AgentFailed(Event, frozen=True, kw_only=True, gc=False, tag="agent_failed"):
    """An agent gave up on the event ``of_seq``; the dead letter can be read and replayed."""

    type: ClassVar[str] = "agent_failed"

    agent: str
    of_seq: int
    error: str
    letter_id: str


class LegEnded(Event, frozen=True, kw_only=True, gc=False, tag="leg_ended"):
    """A leg is over and its last final is out; ``seconds`` of audio were heard."""

    type: ClassVar[str] = "leg_ended"

    speaker: str
    seconds: float


class SessionEnded(Event, frozen=True, kw_only=True, gc=False, tag="session_ended"):
    """The session is over and its transcript complete; only agents' results may follow."""

    type: ClassVar[str] = "session_ended"


class Notice(Event, frozen=True, kw_only=True, gc=False, tag="notice"):
    """Something a person should know, for example that another engine stands in.

    ``cause`` is the code of the error behind it, ``request_id`` the upstream service's own name for
    the request that failed; both empty where there is none. ``engine`` listens from here on.
    """

    type: ClassVar[str] = "notice"

    code: str
    message: str
    speaker: str | None = None
    cause: str = ""
    request_id: str = ""
    engine: str = ""


def _kinds(root: type[Event]) -> dict[str, type[Event]]:
    return {kind.type: kind for kind in root.__subclasses__()}


def parse_event(data: Mapping[str, Any]) -> Event:
    """An event from its JSON form; fields of a later version are left out.

    ``KeyError`` for an unknown type, ``TypeError`` where a field is missing.
    """
    kind = KINDS[data["type"]]
    given: dict[str, Any] = {name: data[name] for name in kind.__struct_fields__ if name in data}
    for name, value in given.items():
        if name == "words":
            given[name] = tuple(Word(**word) for word in value)
        elif isinstance(value, list):
            given[name] = tuple(value)
    return kind(**given)


KINDS: Mapping[str, type[Event]] = _kinds(Event)
"""Every kind of event by its ``type``."""
