"""Rows that are made without the database."""

from __future__ import annotations

import json

from callscribe.events import InterimResult
from callscribe.store.rows import CallRow, finite, key_hash, prepare
from tests.happenings import AT, final, leg, started


def test_events_come_sorted_and_once() -> None:
    interim = InterimResult(
        session_id="b", seq=9, at=AT, speaker="a", utterance_id="u", text="", start=0, end=1
    )
    given = [final(3, "x", session_id="b"), started("b"), interim, leg(2), started(), started()]
    prepared = prepare(given)
    assert [(p.event.session_id, p.event.seq) for p in prepared] == [
        ("b", 1),
        ("b", 3),
        ("call", 1),
        ("call", 2),
    ]
    assert [bool(p.utterance) for p in prepared] == [False, True, False, False]


def test_a_final_becomes_a_row() -> None:
    event = final(3, "Ça va ?", end=float("nan"), leak_of="technician-1", revision=2)
    (prepared,) = prepare([event])
    row = prepared.utterance
    assert row is not None
    assert (row["text"], row["folded"], row["end"]) == ("Ça va ?", "ca va", 0.0)
    assert (row["revision"], row["leak_of"], row["speech_final"]) == (2, "technician-1", True)
    assert json.loads(row["words"])[0]["text"] == "Ça"
    assert json.loads(prepared.body)["text"] == "Ça va ?"


def test_a_call_begins_with_nothing() -> None:
    row = CallRow.begun(started(at=float("inf")))
    assert row.to_row() == {
        "session_id": "call",
        "state": "running",
        "started_at": 0.0,
        "ended_at": None,
        "last_at": 0.0,
        "last_seq": 0,
        "last_final": 0,
        "engine": "",
        "config": "{}",
    }


def test_numbers_and_keys_are_bounded() -> None:
    assert (finite(1.5), finite(float("-inf"))) == (1.5, 0.0)
    assert len(key_hash("\ud800" * 10_000)) == len(key_hash("")) == 40
    assert key_hash("a") != key_hash("b")
