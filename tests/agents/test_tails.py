"""The latest events of calls: what the store would give, or nothing."""

from __future__ import annotations

import json

import pytest

from callscribe.agents.tails import WARM, Tails, Told
from callscribe.events import (
    AgentFailed,
    AgentResult,
    Event,
    Gap,
    LegStarted,
    SessionEnded,
    SessionStarted,
)
from tests.agents.keeping import Kept
from tests.agents.working import CALLED_AT, final

pytestmark = pytest.mark.anyio

HEAD = {"session_id": "call", "at": CALLED_AT + 1 / 3}


def started(seq: int = 1) -> Event:
    return SessionStarted(**HEAD, seq=seq, config={"keyterms": ("a", "b"), 1: None})


def found(seq: int) -> Event:
    return AgentResult(**HEAD, seq=seq, agent="a", kind="k", key="x", utterance_ids=("u", "v"))


async def test_events_are_those_that_the_store_gives(store: Kept) -> None:
    said = final("dix virgule trois", 4, start=1 / 3, end=2 / 3, confidence=2 / 7, latency_ms=None)
    happens = [
        started(),
        LegStarted(**HEAD, seq=2, speaker="a", sample_rate=8000, language="", engine="", offset=0),
        said,
        Gap(**HEAD, seq=6, speaker="a", start=1 / 3, end=0.5, reason="network"),
        found(7),
        final("\ud800 \0", 9, language=None, speech_final=False),
    ]
    tails = Tails()
    for event in happens:
        await store.append([event])
        tails.take([event])
    tail = tails.get("call")
    assert tail is not None
    for place in (0, 1, 2, 3, 4, 6, 8, 9):
        assert tail.since(place) == await store.events("call", place), place


def test_a_final_is_itself_to_who_knows_it() -> None:
    tails = Tails()
    said = final("x", 7)
    tails.take([said])
    tail = tails.get("call")
    assert tail is not None
    (told,) = tail.since(6) or ()
    assert isinstance(told, Told)
    assert told.event is said
    assert (told["seq"], told["type"], len(told)) == (7, "final", len(said.to_dict()))
    assert dict(told) == said.to_dict()


def test_a_tail_says_how_far_back_it_reaches() -> None:
    tails = Tails(events=3)
    tails.take([final("x", 7)])
    tail = tails.get("call")
    assert tail is not None
    assert tail.since(5) is None, "it may have begun in the midst of a call"
    assert [data["seq"] for data in tail.since(6) or ()] == [7]
    tails.take([final("x", seq) for seq in (8, 20, 21)])
    assert tails.get("call") is tail
    assert tail.since(6) is None
    assert [data["seq"] for data in tail.since(7) or ()] == [8, 20, 21]
    assert tail.since(21) == []


def test_what_comes_out_of_order_ends_it() -> None:
    tails = Tails()
    tails.take([final("x", 7)])
    before = tails.get("call")
    tails.take([final("x", 5)])
    assert tails.get("call") is None
    tails.take([final("x", 8)])
    assert tails.get("call") is not before
    tails.lose("call")
    tails.lose("call")
    assert tails.get("call") is None


def test_a_call_that_is_over_has_none() -> None:
    tails = Tails()
    tails.take([started(), final("x", 2), SessionEnded(**HEAD, seq=3)])
    assert tails.get("call") is None
    failed = AgentFailed(**HEAD, seq=5, agent="a", of_seq=2, error="", letter_id="")
    tails.take([found(4), failed])
    assert tails.get("call") is None


def test_few_calls_have_one() -> None:
    tails = Tails(calls=2)
    for name in ("a", "b", "a", "c"):
        tails.take([final("x", 1 if tails.get(name) is None else 2, session_id=name)])
    assert [name for name in "abc" if tails.get(name) is not None] == ["a", "c"]


def test_the_json_form_is_made_once_and_not_kept_for_long() -> None:
    tails = Tails(events=3 * WARM)
    tails.take([final(str(seq), seq) for seq in range(1, 3 * WARM)])
    tail = tails.get("call")
    assert tail is not None
    (one,), (other,) = tail.since(3 * WARM - 2) or (), tail.since(3 * WARM - 2) or ()
    assert one is other
    tail.since(0)
    assert len(tail._warm) == WARM
    tail.rest()
    assert not tail._warm
    (again,) = tail.since(3 * WARM - 2) or ()
    assert json.dumps(dict(again)) == json.dumps(dict(one))
