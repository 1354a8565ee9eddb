"""Rows of the tables, as far as they can be made without the database.

Pure, so that many can be made in a thread. May import ``schema``, ``folding`` and ``events``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from callscribe import events
from callscribe.events import Event
from callscribe.store.folding import fold
from callscribe.store.schema import to_json

Row = dict[str, Any]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event with what can be made of it without the database."""

    event: Event
    body: str
    utterance: Row | None = None


@dataclass(slots=True)
class CallRow:
    """A row of ``calls``."""

    session_id: str
    state: str
    started_at: float
    ended_at: float | None
    last_at: float
    last_seq: int
    last_final: int
    engine: str
    config: str

    @classmethod
    def begun(cls, started: Event) -> CallRow:
        """The row of a call of which nothing is known yet."""
        at = finite(started.at)
        return cls(started.session_id, "running", at, None, at, 0, 0, "", "{}")

    def to_row(self) -> Row:
        """Every column by its name."""
        return {name: getattr(self, name) for name in self.__slots__}


def prepare(given: Iterable[Event]) -> list[Prepared]:
    """Durable events in the order of their sessions' numbers, each once."""
    once: dict[tuple[str, int], Event] = {}
    for event in given:
        if event.durable:
            once.setdefault((event.session_id, event.seq), event)
    return [
        _final(event)
        if isinstance(event, events.FinalResult)
        else Prepared(event, to_json(event.to_dict()))
        for _, event in sorted(once.items())
    ]


def finite(value: float) -> float:
    """A number that every database takes; an engine's nonsense must not hold up all others."""
    return float(value) if math.isfinite(value) else 0.0


def key_hash(key: str) -> str:
    """What makes a result unique, of bounded length."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _final(event: events.FinalResult) -> Prepared:
    """Most of what is written is finals: the quick way, unless an engine talks nonsense."""
    numbers = [event.start, event.end, event.confidence, event.at, event.latency_ms or 0.0]
    numbers += [word.start + word.end + word.confidence for word in event.words]
    try:
        if math.isfinite(sum(numbers)):
            words = _encode(event.words).decode()
            return Prepared(event, event.to_json(), _utterance(event, words))
    except UnicodeEncodeError:  # half a character
        pass
    words = to_json([word.to_dict() for word in event.words])
    return Prepared(event, to_json(event.to_dict()), _utterance(event, words))


def _utterance(event: events.FinalResult, words: str) -> Row:
    return {
        "session_id": event.session_id,
        "utterance_id": event.utterance_id,
        "seq": event.seq,
        "speaker": event.speaker,
        "text": event.text,
        "folded": fold(event.text),
        "start": finite(event.start),
        "end": finite(event.end),
        "words": words,
        "confidence": finite(event.confidence),
        "language": event.language,
        "speech_final": event.speech_final,
        "revision": event.revision,
        "leak_of": event.leak_of,
        "unsure": event.unsure,
        "heard_again": event.heard_again,
    }
