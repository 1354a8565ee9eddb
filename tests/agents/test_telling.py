"""Findings become events once, failures dead letters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from callscribe.agents import telling
from callscribe.agents.calls import CallViews
from callscribe.agents.tails import Tails
from callscribe.agents.telling import Teller, Trouble, calm
from callscribe.errors import StoreError
from tests.agents.keeping import Kept
from tests.agents.working import Work, final

pytestmark = pytest.mark.anyio

SAID = final("un").to_dict()


def finding(key: str) -> dict[str, Any]:
    return {"kind": "k", "key": key, "utterance_ids": (), "body": {}}


@pytest.fixture
async def work(store: Kept) -> Work:
    work = Work(store, [])
    await work.begin("call")
    await work.begin("other")
    return work


@pytest.fixture
def teller(work: Work) -> Teller:
    return Teller(work.store, CallViews(work.store, Tails()), work.publish, lambda: 1000.0)


async def test_a_key_is_told_once_for_each_agent(work: Work, teller: Teller) -> None:
    assert await teller.tell("a", "call", [finding("x"), finding("x"), finding("y")]) == 2
    assert await teller.tell("a", "call", [finding("x")]) == 0
    assert await teller.tell("b", "call", [finding("x")]) == 1
    assert await teller.tell("a", "other", [finding("x")]) == 1
    assert len(work.told) == 4


async def test_two_at_once_tell_once(work: Work, teller: Teller) -> None:
    both = await asyncio.gather(*(teller.tell("a", "call", [finding("x")]) for _ in range(5)))
    assert sum(both) == len(work.told) == 1


async def test_what_the_store_has_not_taken_yet_is_remembered(work: Work, teller: Teller) -> None:
    work.store.read_only = True
    assert await teller.tell("a", "call", [finding("x"), finding("y")]) == 2
    assert await teller.tell("a", "call", [finding("x"), finding("y")]) == 0
    assert await teller.tell("b", "call", [finding("x")]) == 1
    teller.forget("a", "call")
    assert await teller.tell("a", "call", [finding("x")]) == 1


async def test_only_what_the_store_has_not_taken_is_remembered_and_not_too_much(
    work: Work, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "KEYS", 2)
    monkeypatch.setattr(telling, "CALLS", 2)
    work.store.read_only = True
    for key in "xyz":
        await teller.tell("a", "call", [finding(key)])
    assert teller._unread == {("a", "call"): {"y": None, "z": None}}
    await work.store_back()
    assert await teller.tell("a", "call", [finding("z")]) == 0
    assert teller._unread == {("a", "call"): {}}
    for agent in "bc":
        await teller.tell(agent, "call", [finding("x")])
    assert teller._unread == {("b", "call"): {"x": None}, ("c", "call"): {"x": None}}


async def test_a_letter_has_the_same_id_each_time(work: Work, teller: Teller) -> None:
    for attempts in (1, 2):
        await teller.bury("a", SAID, ValueError("x" * 5000), attempts)
    (letter,) = work.store.buried.values()
    assert (letter.attempts, letter.at, len(letter.error)) == (2, 1000.0, 1000)
    await teller.bury("b", SAID, ValueError("no"), 1)
    assert len(work.store.buried) == 2


async def test_a_failure_that_cannot_be_told_is_buried_all_the_same(
    work: Work, teller: Teller
) -> None:
    work.broken = [ValueError("unknown session")]
    with capture_logs() as logs:
        await teller.give_up("a", SAID, ValueError("what was said"), 5)
    assert [log["event"] for log in logs] == ["agent_failed", "agent_failure_not_told"]
    assert "what was said" not in str(logs)
    assert len(work.store.buried) == 1


async def test_a_failure_that_cannot_be_stored_now_is_the_stores_trouble(
    work: Work, teller: Teller
) -> None:
    work.broken = [StoreError("locked")]
    with pytest.raises(StoreError):
        await teller.give_up("a", SAID, ValueError("no"), 5)


async def test_what_the_store_will_never_do_is_no_trouble() -> None:
    async def fail(*, retryable: bool) -> None:
        raise StoreError("no", retryable=retryable)

    with pytest.raises(Trouble):
        await calm(fail(retryable=True))
    with pytest.raises(StoreError):
        await calm(fail(retryable=False))
