"""Calls at hand."""

from __future__ import annotations

import pytest

from callscribe.agents.calls import Calls
from callscribe.events import SessionStarted
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


async def test_a_call_is_read_once_for_all_and_again_when_it_went_on(store: Kept) -> None:
    await spoken(store, "call")
    calls = Calls(store)
    first = await calls.up_to("call", 2)
    await calls.up_to("call", 1)
    assert (first.language, first.transcript.text) == ("en", "un")
    assert store.calls_made.count("transcript") == 1
    await store.append([final("deux", 3)])
    assert (await calls.up_to("call", 3)).transcript.text == "un\ndeux"
    assert first.transcript.text == "un"


async def test_what_an_agent_does_to_its_transcript_is_its_own(store: Kept) -> None:
    calls = Calls(await spoken(store, "call"))
    (await calls.up_to("call", 2)).transcript.utterances.clear()
    assert (await calls.up_to("call", 2)).transcript.text == "un"


async def test_few_calls_are_kept(store: Kept) -> None:
    await spoken(store, "a", "b", "c")
    calls = Calls(store, kept=2)
    for session_id in "abcba":
        await calls.up_to(session_id, 2)
    assert store.calls_made.count("transcript") == 4


async def test_a_call_that_nobody_knows_is_empty(store: Kept) -> None:
    call = await Calls(store).up_to("call", 1)
    assert (call.language, call.transcript.utterances) == ("", [])
