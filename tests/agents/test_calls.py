"""Calls at hand."""

from __future__ import annotations

import asyncio

import pytest

from callscribe.agents.base import Call
from callscribe.agents.calls import PAGE, CallViews
from callscribe.agents.tails import Tails
from callscribe.events import Event, RolesSwapped, SessionEnded, SessionStarted
from tests.agents.keeping import Kept
from tests.agents.working import CALLED_AT, final

pytestmark = pytest.mark.anyio


async def spoken(store: Kept, *session_ids: str) -> Kept:
    config = {"transcription_language": "en"}
    for name in session_ids:
        await store.append(
            [
                SessionStarted(session_id=name, seq=1, at=CALLED_AT, config=config),
                final("un", 2, session_id=name),
            ]
        )
    return store


async def up_to(calls: CallViews, session_id: str, seq: int) -> Call:
    """The call with the event ``seq`` at least."""
    _, call = await calls.around(final("un", seq, session_id=session_id).to_dict(), seq)
    return call


async def test_a_call_is_read_once_for_all_and_only_on_when_it_went_on(store: Kept) -> None:
    await spoken(store, "call")
    calls = CallViews(store, Tails())
    first = await up_to(calls, "call", 2)
    await up_to(calls, "call", 1)
    assert (first.language, first.transcript.text) == ("en", "un")
    assert (store.calls_made.count("events"), store.rows) == (1, 2)
    await store.append([final("deux", 3)])
    assert (await up_to(calls, "call", 3)).transcript.text == "un\ndeux"
    assert first.transcript.text == "un"
    assert store.rows == 3


async def test_more_than_a_page_is_read_by_several_at_once_and_counted_once(store: Kept) -> None:
    await spoken(store, "call")
    await store.append([final(f"mot {seq}", seq) for seq in range(3, 3 + 2 * PAGE)])
    calls = CallViews(store, Tails())
    both = await asyncio.gather(*(up_to(calls, "call", 2 + 2 * PAGE) for _ in range(3)))
    assert [len(call.transcript.utterances) for call in both] == [1 + 2 * PAGE] * 3
    assert store.rows == 2 + 2 * PAGE


async def test_it_agrees_with_the_store_whatever_happens(store: Kept) -> None:
    await spoken(store, "call")
    calls = CallViews(store, Tails())
    happens: list[Event] = [
        final("il", 3, utterance_id="a", start=3.0, speech_final=False),
        final("il pleut", 4, utterance_id="a", start=3.0),
        final("plus tôt", 5, utterance_id="b", start=1.0, speaker="agent"),
        RolesSwapped(session_id="call", seq=6, at=CALLED_AT, speakers=("technician", "agent")),
        final("il pleuvait", 7, utterance_id="a", start=2.5, revision=1, speaker="agent"),
        final("en même temps", 8, utterance_id="c", start=2.5),
        final("écho", 9, utterance_id="d", start=4.0, leak_of="a"),
        final("plus tôt", 10, utterance_id="b", start=1.0, leak_of="a", revision=1),
        final("plus tôt encore", 11, utterance_id="b", start=0.5, revision=2),
        final(" ", 12, utterance_id="c", start=2.5, revision=1),
        RolesSwapped(session_id="call", seq=13, at=CALLED_AT, speakers=("agent", "technician")),
    ]
    for event in happens:
        await store.append([event])
        known = (await up_to(calls, "call", event.seq)).transcript
        assert known == await store.transcript("call"), event


async def test_a_final_comes_under_the_name_that_its_speaker_has_now(store: Kept) -> None:
    await spoken(store, "call")
    swap = RolesSwapped(session_id="call", seq=3, at=CALLED_AT, speakers=("technician", "agent"))
    await store.append([swap])
    event, call = await CallViews(store, Tails()).around(final("un", 2).to_dict(), 3)
    assert event == final("un", 2, speaker="agent")
    assert call.transcript.speakers == ["agent"]


async def test_an_ended_call_is_forgotten_and_one_that_goes_on_is_not(store: Kept) -> None:
    await spoken(store, "goes on", "ends")
    await store.append([SessionEnded(session_id="ends", seq=3, at=CALLED_AT)])
    calls = CallViews(store, Tails())
    for name in ("goes on", "ends", "goes on", "ends"):
        await up_to(calls, name, 2)
        calls.rest(name)
    assert store.rows == 2 + 3 + 3


async def test_what_an_agent_does_to_its_transcript_is_its_own(store: Kept) -> None:
    calls = CallViews(await spoken(store, "call"), Tails())
    transcript = (await up_to(calls, "call", 2)).transcript
    transcript.drop(transcript.utterances[0].utterance_id)
    assert not transcript.utterances
    assert (await up_to(calls, "call", 2)).transcript.text == "un"


async def test_what_a_tail_holds_is_not_read_and_what_it_does_not_hold_is(store: Kept) -> None:
    await spoken(store, "call")
    tails = Tails(events=2)
    calls = CallViews(store, tails)
    await up_to(calls, "call", 2)
    for seq in range(3, 8):
        said = [final(f"mot {seq}", seq)]
        await store.append(said)
        tails.take(said)
        if seq not in (4, 5):  # by 6 nobody has read 4, which the tail has let go
            known = (await up_to(calls, "call", seq)).transcript
            assert known.text == (await store.transcript("call")).text
    tails.lose("call")
    said = [final(f"mot {seq}", seq) for seq in (8, 9, 10)]
    await store.append(said)
    tails.take(said)
    known = (await up_to(calls, "call", 10)).transcript
    assert known.text == (await store.transcript("call")).text
    assert store.calls_made.count("events") == 3


async def test_few_calls_are_kept(store: Kept) -> None:
    await spoken(store, "a", "b", "c")
    calls = CallViews(store, Tails(), kept=2)
    for session_id in "abcba":
        await up_to(calls, session_id, 2)
    assert store.rows == 4 * 2


async def test_a_call_that_nobody_knows_is_empty(store: Kept) -> None:
    call = await up_to(CallViews(store, Tails()), "call", 1)
    assert (call.language, call.transcript.utterances) == ("", [])
