"""What events add up to: the rows to be written for them. Pure; may import ``rows``, ``events``.

The writer gives it what the database knows of the calls, and writes what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from callscribe import events
from callscribe.events import Event
from callscribe.store.rows import CallRow, Prepared, Row, finite, key_hash
from callscribe.store.schema import to_json

Key = tuple[str, str]
"""A session and an utterance of it."""


@dataclass(slots=True)
class Changes:
    """Rows of which the order does not matter, and the exchange of names that comes after them."""

    legs: list[Row] = field(default_factory=list)
    leg_ends: list[Row] = field(default_factory=list)
    utterances: dict[Key, Row] = field(default_factory=dict)
    taken_back: dict[Key, Row] = field(default_factory=dict)
    revised: list[Row] = field(default_factory=list)
    """Utterances of which the database holds the version that is replaced."""
    revisions: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    repaired: list[Row] = field(default_factory=list)
    """Gaps that are none any more, of these or of the database."""
    results: list[Row] = field(default_factory=list)
    swap: events.RolesSwapped | None = None


def project(given: Sequence[Prepared], calls: Mapping[str, CallRow]) -> list[Changes]:
    """What new events change, to be written one after the other; ``calls`` are brought up to date.

    Names that are exchanged divide it: what was said before them is written before them.
    """
    found = [Changes()]
    for prepared in given:
        event, call = prepared.event, calls[prepared.event.session_id]
        call.last_seq = max(call.last_seq, event.seq)
        call.last_at = max(call.last_at, finite(event.at))
        if isinstance(event, events.RolesSwapped):
            if len(event.speakers) == 2:
                found[-1].swap = event
                found.append(Changes())
        elif handler := _HANDLERS.get(type(event)):
            handler(found[-1], prepared, call)
    return found


def _session_started(_: Changes, prepared: Prepared, call: CallRow) -> None:
    event = prepared.event
    assert isinstance(event, events.SessionStarted)  # noqa: S101 - for the type checker
    call.state, call.ended_at = "running", None
    call.engine, call.config = event.engine, to_json(event.config)


def _session_interrupted(_: Changes, prepared: Prepared, call: CallRow) -> None:
    if _is_latest(prepared, call):
        call.state = "interrupted"


def _session_ended(_: Changes, prepared: Prepared, call: CallRow) -> None:
    call.state, call.ended_at = "ended", finite(prepared.event.at)
    call.last_final = max(call.last_final, prepared.event.seq)  # agents have a word at the end


def _leg_started(changes: Changes, prepared: Prepared, call: CallRow) -> None:
    event = prepared.event
    assert isinstance(event, events.LegStarted)  # noqa: S101 - for the type checker
    if _is_latest(prepared, call):
        call.state, call.ended_at = "running", None
    changes.legs.append(
        {
            "session_id": event.session_id,
            "seq": event.seq,
            "speaker": event.speaker,
            "sample_rate": event.sample_rate,
            "language": event.language,
            "engine": event.engine,
            "offset": finite(event.offset),
            "seconds": None,
            "encoding": event.encoding,
            "model": event.model,
        }
    )


def _is_latest(prepared: Prepared, call: CallRow) -> bool:
    """What was set aside for a time, and comes late, does not tell how the call stands."""
    return prepared.event.seq == call.last_seq


def _leg_ended(changes: Changes, prepared: Prepared, _: CallRow) -> None:
    event = prepared.event
    assert isinstance(event, events.LegEnded)  # noqa: S101 - for the type checker
    # The speaker's latest leg before this event.
    mine = [
        leg
        for leg in changes.legs
        if (leg["session_id"], leg["speaker"]) == (event.session_id, event.speaker)
    ]
    if mine:
        mine[-1]["seconds"] = finite(event.seconds)
    else:
        changes.leg_ends.append(
            {
                "of_session": event.session_id,
                "of_speaker": event.speaker,
                "until": event.seq,
                "heard": finite(event.seconds),
            }
        )


def _final(changes: Changes, prepared: Prepared, call: CallRow) -> None:
    event, row = prepared.event, prepared.utterance
    assert isinstance(event, events.FinalResult)  # noqa: S101 - for the type checker
    assert row is not None  # noqa: S101 - it was prepared
    call.last_final = max(call.last_final, event.seq)
    key = (event.session_id, event.utterance_id)
    if event.revision:
        former = changes.utterances.get(key) or changes.taken_back.get(key)
        if former is None:
            changes.revised.append({"of_session": key[0], "of_utterance": key[1]})
        elif former["speech_final"]:
            changes.revisions.append(_pointer(former))
        if event.speech_final:
            changes.revisions.append(_pointer(row))
    if event.text.strip():
        changes.taken_back.pop(key, None)
        changes.utterances[key] = row
    else:
        changes.utterances.pop(key, None)
        changes.taken_back[key] = row


def _pointer(row: Row) -> Row:
    return {name: row[name] for name in ("session_id", "utterance_id", "seq")}


def _gap(changes: Changes, prepared: Prepared, _: CallRow) -> None:
    event = prepared.event
    assert isinstance(event, events.Gap)  # noqa: S101 - for the type checker
    changes.gaps.append(
        {
            "session_id": event.session_id,
            "seq": event.seq,
            "speaker": event.speaker,
            "start": finite(event.start),
            "end": finite(event.end),
            "reason": event.reason,
        }
    )


def _gap_repaired(changes: Changes, prepared: Prepared, _: CallRow) -> None:
    event = prepared.event
    assert isinstance(event, events.GapRepaired)  # noqa: S101 - for the type checker
    changes.repaired.append({"of_session": event.session_id, "of_seq": event.of_seq})


def _agent_result(changes: Changes, prepared: Prepared, _: CallRow) -> None:
    event = prepared.event
    assert isinstance(event, events.AgentResult)  # noqa: S101 - for the type checker
    changes.results.append(
        {
            "session_id": event.session_id,
            "agent": event.agent,
            "key_hash": key_hash(event.key),
            "seq": event.seq,
            "kind": event.kind,
            "key": event.key,
            "utterance_ids": to_json(event.utterance_ids),
            "body": to_json(event.body),
            "at": finite(event.at),
        }
    )


_HANDLERS: Final[Mapping[type[Event], Callable[[Changes, Prepared, CallRow], None]]] = {
    events.SessionStarted: _session_started,
    events.SessionInterrupted: _session_interrupted,
    events.SessionEnded: _session_ended,
    events.LegStarted: _leg_started,
    events.LegEnded: _leg_ended,
    events.FinalResult: _final,
    events.Gap: _gap,
    events.GapRepaired: _gap_repaired,
    events.AgentResult: _agent_result,
}
"""The events that change rows; the others are kept as they are."""
