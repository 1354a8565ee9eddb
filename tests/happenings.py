"""Events of a call in few words."""

from __future__ import annotations

from typing import Any

from callscribe import events
from callscribe.events import FinalResult
from callscribe.transcript import Word

AT = 1_700_000_000.0
"""When calls begin (UNIX s)."""


def started(session_id: str = "call", seq: int = 1, at: float = AT) -> events.SessionStarted:
    return events.SessionStarted(
        session_id=session_id, seq=seq, at=at, engine="whisper", config={"language": "fr"}
    )


def leg(
    seq: int,
    speaker: str = "agent",
    session_id: str = "call",
    offset: float = 0.5,
    encoding: str = "linear16",
    model: str = "base",
) -> events.LegStarted:
    return events.LegStarted(
        session_id=session_id,
        seq=seq,
        at=AT + seq,
        speaker=speaker,
        sample_rate=16_000,
        language="fr",
        engine="whisper",
        offset=offset,
        encoding=encoding,
        model=model,
    )


def leg_end(seq: int, speaker: str = "agent", seconds: float = 9.0) -> events.LegEnded:
    return events.LegEnded(
        session_id="call", seq=seq, at=AT + seq, speaker=speaker, seconds=seconds
    )


def final(
    seq: int, text: str, utterance_id: str = "", session_id: str = "call", **fields: Any
) -> FinalResult:
    """A final that begins at second ``seq`` and takes half of one."""
    given: dict[str, Any] = {
        "speaker": "agent",
        "start": float(seq),
        "end": seq + 0.5,
        "words": tuple(Word(word, float(seq), seq + 0.5, 0.9) for word in text.split()),
        "confidence": 0.9,
        "language": "fr",
    } | fields
    return FinalResult(
        session_id=session_id,
        seq=seq,
        at=AT + seq,
        utterance_id=utterance_id or f"agent-{seq}",
        text=text,
        **given,
    )


def ended(seq: int, session_id: str = "call") -> events.SessionEnded:
    return events.SessionEnded(session_id=session_id, seq=seq, at=AT + seq)


def interrupted(seq: int) -> events.SessionInterrupted:
    return events.SessionInterrupted(session_id="call", seq=seq, at=AT + seq)


def gap(seq: int, speaker: str = "agent", start: float = 1.0) -> events.Gap:
    return events.Gap(
        session_id="call",
        seq=seq,
        at=AT + seq,
        speaker=speaker,
        start=start,
        end=start + 1,
        reason="lost",
    )


def repaired(seq: int, of_seq: int, session_id: str = "call") -> events.GapRepaired:
    return events.GapRepaired(
        session_id=session_id,
        seq=seq,
        at=AT + seq,
        speaker="agent",
        of_seq=of_seq,
        start=1.0,
        end=2.0,
    )


def swap(seq: int, *speakers: str) -> events.RolesSwapped:
    return events.RolesSwapped(session_id="call", seq=seq, at=AT + seq, speakers=speakers)


def result(seq: int, key: str = "key", agent: str = "watchlist", **body: Any) -> events.AgentResult:
    return events.AgentResult(
        session_id="call",
        seq=seq,
        at=AT + seq,
        agent=agent,
        kind="alert",
        key=key,
        utterance_ids=("agent-3",),
        body=body,
    )
