"""The one encoding of events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callscribe import events
from callscribe.events import Event, FinalResult, InterimResult, Notice
from callscribe.transcript import Word


def test_every_event_has_a_type_of_its_own() -> None:
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type)]
    types = [kind.type for kind in kinds if issubclass(kind, Event) and kind is not Event]
    assert len(types) == 17
    assert len(set(types)) == len(types)
    assert Event.type not in types


def test_the_json_holds_every_field() -> None:
    event = FinalResult(
        session_id="call",
        seq=3,
        at=1.2346,
        speaker="agent",
        utterance_id="agent-1",
        text="ça va ?",
        start=0.1,
        end=1.0,
        words=(Word("ça", 0.1, 0.2, 0.9),),
    )
    data = json.loads(event.to_json())
    assert data["type"] == "final"
    assert data["at"] == 1.2346
    assert data["words"] == [{"text": "ça", "start": 0.1, "end": 0.2, "confidence": 0.9}]
    assert (data["speech_final"], data["latency_ms"], data["language"]) == (True, None, None)
    assert "ça" in event.to_json()


def test_half_a_character_is_told_as_well() -> None:
    head: dict[str, Any] = {"session_id": "call", "seq": 3, "at": 1.0}
    final = FinalResult(
        **head, speaker="agent", utterance_id="agent-1", text="\ud800", start=0.1, end=1.0
    )
    for event in (final, Notice(**head, code="n", message="\udfff")):
        assert json.loads(event.to_json()) == event.to_dict()


def test_an_event_comes_back_from_its_json() -> None:
    word = Word("ça", 0.1, 0.2, 0.9, speaker_label="1")
    final = FinalResult(
        session_id="call",
        seq=3,
        at=1.5,
        speaker="agent",
        utterance_id="agent-1",
        text="ça",
        start=0.1,
        end=0.2,
        words=(word,),
        revision=2,
    )
    swapped = events.RolesSwapped(session_id="call", seq=4, at=2.0, speakers=("a", "b"))
    for event in (final, swapped):
        assert events.parse_event(json.loads(event.to_json())) == event
    later = json.loads(swapped.to_json()) | {"of_a_later_version": 1}
    assert events.parse_event(later) == swapped
    with pytest.raises(KeyError):
        events.parse_event({"type": "unheard of"})


def test_events_do_not_change() -> None:
    event = Notice(session_id="call", seq=1, at=0.0, code="c", message="m")
    with pytest.raises(AttributeError):
        event.code = "d"  # type: ignore[misc]


def test_interims_are_not_kept() -> None:
    assert not InterimResult.durable
    assert FinalResult.durable
