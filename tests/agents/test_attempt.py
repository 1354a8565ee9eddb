"""One call of an agent, and the pauses between several."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callscribe.agents.attempt import Retries, attempt, name_of
from callscribe.agents.base import Finding
from callscribe.errors import UpstreamError
from callscribe.events import SessionEnded
from tests.agents.working import Finishing, Scripted, call, final

pytestmark = pytest.mark.anyio

END = SessionEnded(session_id="call", seq=9, at=0.0)


async def test_findings_are_fields_of_events_with_the_utterance_they_came_from() -> None:
    found = [Finding(kind="a", key="1"), Finding(kind="a", key="2", utterance_ids=("x", "y"))]
    agent = Scripted(does=lambda _: found)
    fields = await attempt(agent, final("un"), call(), 1)
    assert [field["utterance_ids"] for field in fields] == [("technician-1",), ("x", "y")]
    assert agent.seen == [("call", 1)]


async def test_the_end_is_for_those_who_finish() -> None:
    assert await attempt(Scripted(), END, call(), 1) == []
    (fields,) = await attempt(Finishing(), END, call(), 1)
    assert (fields["kind"], fields["utterance_ids"]) == ("end", ())


async def test_who_waits_for_it_may_cancel_it() -> None:
    agent = Scripted(does=lambda _: asyncio.sleep(60))
    task = asyncio.ensure_future(attempt(agent, final("un"), call(), 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_agents_own_timeout_keeps_its_words() -> None:
    def late(_: Any) -> Any:
        raise TimeoutError("the door was closed")

    with pytest.raises(TimeoutError, match="the door was closed"):
        await attempt(Scripted(does=late), final("un"), call(), 1)


def test_an_error_is_called_by_its_code_or_class() -> None:
    assert name_of(ValueError("said")) == "ValueError"
    assert name_of(UpstreamError("said", code="webhook_refused")) == "webhook_refused"


def test_pauses_grow_to_a_ceiling() -> None:
    retries = Retries(first=1, longest=8)
    for failed, ceiling in [(1, 1), (2, 2), (4, 8), (50, 8)]:
        pauses = [retries.pause(failed) for _ in range(200)]
        assert 0 <= min(pauses) < ceiling / 4 < max(pauses) <= ceiling
