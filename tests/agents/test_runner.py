"""Agents at work: order, crashes, retries, dead letters, deadlines, and the others' peace."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from callscribe.agents.attempt import Retries
from callscribe.agents.base import Call, Finding
from callscribe.errors import StoreError, UpstreamError
from callscribe.events import AgentFailed, AgentResult, FinalResult
from tests.agents.keeping import Kept
from tests.agents.working import Finishing, Scripted, Work, eventually, final, working

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True, params=[False, True], ids=["read", "handed"])
def handed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Everything holds whether events are read in the store or handed over."""
    monkeypatch.setattr(Work, "handed", request.param)
    return bool(request.param)


def fail(_: FinalResult) -> Any:
    raise ValueError("no")


async def test_finals_come_in_order_and_findings_become_events() -> None:
    agent = Scripted()
    async with working(agent) as work:
        await work.say(*(f"mot {n}" for n in range(5)))
        await work.say("ailleurs", session_id="other")
        await work.settled()
        assert [s for s in agent.seen if s[0] == "call"] == [("call", n) for n in range(2, 7)]
        (result, *_) = [e for e in work.told if isinstance(e, AgentResult)]
        assert (result.agent, result.kind, result.key) == ("scripted", "seen", "2")
        assert result.utterance_ids == ("technician-2",)
        assert work.store.cursors == {("scripted", "call"): 6, ("scripted", "other"): 2}
        assert work.runner.status()["scripted"]["handled"] == 6


async def test_an_agent_knows_the_call_so_far() -> None:
    agent = Scripted()
    async with working(agent) as work:
        await work.say("un", "deux")
        await work.settled()
    assert agent.calls[-1].language == "fr"
    assert agent.calls[-1].transcript.text == "un\ndeux"


async def test_more_finals_than_a_batch_all_come(store: Kept) -> None:
    agent = Scripted(does=lambda _: [])
    async with working(store=store) as before:
        await before.say(*(f"mot {n}" for n in range(230)))
    async with working(agent, store=store) as work:
        await work.settled()
    assert [seq for _, seq in agent.seen] == list(range(2, 232))


async def test_after_a_crash_the_agent_goes_on_where_it_was(store: Kept) -> None:
    agent = Finishing()
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
    async with working(store=store) as nobody:
        await nobody.say("deux")
        await nobody.end()
    async with working(agent, store=store) as work:
        await eventually(lambda: agent.finished)
        await work.settled()
        assert work.results() == ["4", "end"]
    assert [seq for _, seq in agent.seen] == [2, 4]


async def test_what_was_told_before_a_crash_is_not_told_again(store: Kept) -> None:
    agent = Scripted()
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
    store.forget_cursors()  # as if the crash had come before the cursor moved
    async with working(agent, store=store) as work:
        await eventually(lambda: len(agent.seen) == 2)
        await work.settled()
        assert work.results() == []
    assert store.cursors == {("scripted", "call"): 2}


async def test_the_end_is_told_once_after_all_finals_also_after_a_crash(store: Kept) -> None:
    agent = Finishing()
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
        await work.end()
        await work.settled()
        assert work.results() == ["2", "end"]
        (end,) = [e for e in work.told if getattr(e, "kind", "") == "end"]
        assert isinstance(end, AgentResult)
        assert (end.utterance_ids, end.body) == ((), {"text": "un"})
    for _ in range(2):
        async with working(agent, store=store) as work:
            work.runner.notice("call")
            await work.settled()
    assert agent.finished == ["call"]
    ended = next(e["seq"] for e in await store.events("call") if e["type"] == "session_ended")
    assert store.cursors == {("scripted", "call"): ended}


async def test_a_crash_between_last_final_and_end_does_not_lose_the_end(store: Kept) -> None:
    agent = Finishing()
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
    async with working(store=store) as nobody:
        await nobody.end()
    async with working(agent, store=store) as work:
        await eventually(lambda: agent.finished == ["call"])


async def test_what_fails_is_tried_again() -> None:
    left = [ValueError("once"), ValueError("twice")]
    agent = Scripted(does=lambda _: (_ for _ in ()).throw(left.pop()) if left else None)
    async with working(agent) as work:
        await work.say("un", "deux")
        await work.settled()
        assert work.results() == ["2", "3"]
        assert work.store.buried == {}
        assert work.runner.status()["scripted"]["retried"] == 2
    assert [seq for _, seq in agent.seen] == [2, 2, 2, 3]


async def test_in_the_end_it_is_a_dead_letter_and_the_agent_goes_on() -> None:
    agent = Scripted(does=lambda final: fail(final) if final.seq == 2 else None)
    with capture_logs() as logs:
        async with working(agent) as work:
            await work.say("secret", "deux")
            await work.settled()
            (letter,) = await work.store.letters("scripted")
            (failed,) = [e for e in work.told if isinstance(e, AgentFailed)]
            assert work.results() == ["3"]
            assert work.store.cursors == {("scripted", "call"): 3}
    assert (letter.seq, letter.attempts, letter.error) == (2, 3, "ValueError: no")
    assert (failed.of_seq, failed.letter_id, failed.error) == (2, letter.letter_id, letter.error)
    assert [log["event"] for log in logs] == ["agent_failed"]


async def test_an_error_that_says_so_is_not_tried_again() -> None:
    def refuse(_: FinalResult) -> Any:
        raise UpstreamError("gone", code="webhook_refused", retryable=False)

    agent = Scripted(does=refuse)
    async with working(agent) as work:
        await work.say("un")
        await work.settled()
        (letter,) = work.store.buried.values()
    assert (letter.attempts, letter.error) == (1, "webhook_refused: gone")


@pytest.mark.parametrize(
    "found",
    [
        ["no finding"],
        [Finding(kind="k", key="x", body={"o": object()})],
        [Finding(kind="k", key="x", body={"n": float("nan")})],
        3,
    ],
)
async def test_what_is_no_finding_is_the_agents_failure(found: object) -> None:
    agent = Scripted(does=lambda _: found)
    async with working(agent) as work:
        await work.say("un")
        await work.settled()
        assert len(work.store.buried) == 1
        assert work.results() == []


async def test_an_agent_that_cancels_itself_has_failed() -> None:
    def cancel(_: FinalResult) -> Any:
        raise asyncio.CancelledError

    async with working(Scripted(does=cancel)) as work:
        await work.say("un")
        await work.settled()
        (letter,) = work.store.buried.values()
    assert "cancelled itself" in letter.error


async def test_a_deadline_ends_what_takes_too_long() -> None:
    agent = Scripted(does=lambda _: asyncio.sleep(60))
    async with working(agent, deadline=0.01) as work:
        await work.say("un")
        await work.settled()
        (letter,) = work.store.buried.values()
    assert letter.error == "TimeoutError: no answer within 0.01 s"


async def test_an_agent_may_bring_its_own_deadline() -> None:
    class Hasty(Scripted):
        deadline = 0.01

    agent = Hasty(does=lambda _: asyncio.sleep(60))
    async with working(agent, deadline=60) as work:
        await work.say("un")
        await work.settled()
        assert len(work.store.buried) == 1


async def test_one_that_hangs_or_fails_delays_nobody() -> None:
    stuck = Scripted("stuck", lambda _: asyncio.sleep(60))
    broken = Scripted("broken", fail)
    well = Scripted("well")
    async with working(stuck, broken, well, retries=Retries(first=30, longest=30)) as work:
        await work.say(*"abcde")
        await eventually(lambda: len(work.results("well")) == 5)
        assert work.results("stuck") == work.results("broken") == []
    assert len(stuck.seen) == 1


async def test_one_call_that_hangs_delays_no_other_call() -> None:
    agent = Scripted(does=lambda f: asyncio.sleep(60) if f.session_id == "stuck" else None)
    async with working(agent) as work:
        await work.say("un", session_id="stuck")
        await work.say("un", session_id="well")
        await eventually(lambda: work.results() == ["2"])


async def test_only_so_many_calls_are_worked_on_at_once() -> None:
    now, most, go_on = 0, 0, asyncio.Event()

    async def work_on() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await go_on.wait()
        await asyncio.sleep(0.01)
        now -= 1

    agent = Scripted(does=lambda _: work_on())
    async with working(agent, workers=3) as work:
        for number in range(20):
            await work.say("un", session_id=f"call-{number}")
        await eventually(lambda: now == 3)
        await asyncio.sleep(0.1)  # a fourth would begin by then
        go_on.set()
        await work.settled()
        assert len(agent.seen) == 20
    assert most == 3


@pytest.mark.parametrize("trouble", range(1, 9))
async def test_a_store_that_fails_for_a_while_loses_nothing(trouble: int) -> None:
    agent = Scripted()
    async with working(agent) as work:
        await work.say("un", "deux")
        work.store.trouble = trouble
        await eventually(lambda: work.store.cursors.get(("scripted", "call")) == 3)
        await work.settled()
        assert sorted(set(work.results())) == work.results() == ["2", "3"]
        assert work.store.buried == {}


async def test_a_result_that_is_not_stored_is_told_later() -> None:
    agent = Scripted()
    async with working(agent) as work:
        work.broken = [StoreError("locked"), StoreError("locked")]
        await work.say("un")
        await work.settled()
        assert work.results() == ["2"]
        assert work.store.buried == {}
    assert agent.seen == [("call", 2)]


async def test_while_the_store_cannot_be_written_nothing_is_done_or_told_twice(store: Kept) -> None:
    async with working(store=store) as nobody:
        await nobody.say("un", "deux")
        await nobody.end()
    agent = Finishing()
    store.read_only = True
    async with working(agent, store=store) as work:
        await eventually(lambda: store.calls_made.count("advance_all") > 4)
        assert (agent.seen, work.results()) == ([("call", 2)], ["2"])
        await work.store_back()
        await work.settled()
        assert (work.results(), agent.finished) == (["2", "3", "end"], ["call"])
    assert [seq for _, seq in agent.seen] == [2, 3]
    assert [result.key for result in await store.results("call")] == ["2", "3", "end"]


async def test_a_letter_that_cannot_be_kept_now_is_kept_later(store: Kept) -> None:
    async with working(store=store) as nobody:
        await nobody.say("un")
    agent = Scripted(does=fail)
    store.read_only = True
    async with working(agent, store=store) as work:
        await eventually(lambda: store.calls_made.count("bury") > 4)
        await work.store_back()
        await work.settled()
    assert len(agent.seen) == 3
    assert len(store.buried) == 1


async def test_a_long_call_is_not_read_again_for_every_final() -> None:
    async with working(Scripted("one"), Scripted("two")) as work:
        read = [0]
        for number in range(80):
            await work.say(f"mot {number}")
            await work.settled()
            if number % 40 == 39:
                read.append(work.store.rows)
    first, second = read[1] - read[0], read[2] - read[1]
    assert second <= 1.2 * first


async def test_a_call_that_is_over_leaves_nothing_behind() -> None:
    async with working(Scripted(), Scripted("other")) as work:
        await work.say("un")
        await work.settled()
        assert work.runner._calls._slots
        assert work.runner._teller._unread
        await work.end()
        await work.settled()
        assert not work.runner._calls._slots
        assert not work.runner._teller._unread


async def test_what_came_late_into_the_store_is_there_at_the_end(store: Kept) -> None:
    agent = Finishing()
    async with working(agent, store=store) as work:
        await work.say("un")
        await store.append([final("trois", 10)])
        work.runner.notice("call")
        await work.settled()
        await store.append([final("deux", 5)])
        await work.end()
        await work.settled()
        (end,) = [result for result in await store.results("call") if result.kind == "end"]
    assert end.body == {"text": "un\ndeux\ntrois"}


async def test_a_new_call_of_a_deleted_ones_name_begins_with_nothing() -> None:
    agent = Scripted()
    async with working(agent) as work:
        await work.say("un")
        await work.settled()
        await work.store.delete("call")
        await work.say("deux")
        await work.settled()
        assert work.results() == ["2", "2"]
    assert agent.calls[-1].transcript.text == "deux"


@pytest.mark.parametrize("handed", [True], indirect=True)  # else no beginning is told of
async def test_a_cursor_that_waits_is_not_written_into_a_new_call_of_that_name(
    store: Kept,
) -> None:
    agent = Scripted(does=lambda _: [])
    async with working(agent, store=store) as work:
        await work.say("un", "deux", "trois")
        await work.settled()
        await store.delete("call")
        await work.say("un autre")
        await work.settled()
    assert [seq for _, seq in agent.seen] == [2, 3, 4, 2]
    assert store.cursors == {("scripted", "call"): 2}


async def test_names_are_those_of_now(store: Kept) -> None:
    said: list[str] = []
    agent = Scripted(does=lambda final: said.append(final.speaker))
    async with working(store=store) as nobody:
        await nobody.say("un")
        await nobody.swap("technician", "agent")
    async with working(agent, store=store) as work:
        await work.settled()
    assert (said, agent.calls[-1].transcript.speakers) == (["agent"], ["agent"])


async def test_who_waits_is_told_of_each_result_and_of_the_rest() -> None:
    go = asyncio.Event()
    agent = Scripted(does=lambda _: _after(go))
    async with working(agent) as work:
        await work.settled()
        assert not work.runner.at_work("call")
        turn = work.runner.turn("call")
        await work.say("un")
        assert work.runner.at_work("call")
        go.set()
        async with asyncio.timeout(5):
            await turn.wait()
            assert work.results() == ["2"]
            while work.runner.at_work("call"):
                await work.runner.turn("call").wait()
        last = work.runner.turn("call")
        await work.runner.close()
        assert last.is_set()


async def test_who_waits_while_the_store_is_asked_is_told_of_its_answer(store: Kept) -> None:
    """After a start every call may have something to do, until the store says which."""
    async with working(Scripted(), store=store) as work:
        await work.settled()
        work.runner.start()
        assert work.runner.at_work("call")
        turn = work.runner.turn("call")
        async with asyncio.timeout(5):
            await turn.wait()
        assert not work.runner.at_work("call")


async def test_a_result_that_nobody_takes_does_not_stop_the_agent() -> None:
    agent = Scripted()
    async with working(agent) as work:
        work.broken = [ValueError("no such kind")] * 3
        await work.say("un", "deux")
        await work.settled()
        assert work.results() == ["3"]
        assert len(work.store.buried) == 1


async def test_a_dead_letter_can_be_replayed() -> None:
    agent = Scripted(does=fail)
    async with working(agent) as work:
        await work.say("un")
        await work.settled()
        (letter,) = work.store.buried.values()
        assert await work.runner.replay(letter.letter_id) is False
        assert work.store.buried[letter.letter_id].attempts == letter.attempts + 1
        agent.does = lambda _: None
        assert await work.runner.replay(letter.letter_id) is True
        assert work.results() == ["2"]
        assert work.store.buried == {}
        with pytest.raises(KeyError):
            await work.runner.replay(letter.letter_id)


async def test_the_letter_of_a_deleted_call_cannot_be_replayed() -> None:
    async with working(Scripted(does=fail)) as work:
        await work.say("un")
        await work.settled()
        (letter,) = work.store.buried.values()
        work.store.forget_events()
        with pytest.raises(KeyError):
            await work.runner.replay(letter.letter_id)
        assert work.store.buried == {}


async def test_an_end_that_failed_can_be_replayed() -> None:
    class Late(Finishing):
        broken = True

        async def finish(self, call: Call) -> Any:
            if self.broken:
                raise ValueError("no")
            return await super().finish(call)

    agent = Late()
    async with working(agent) as work:
        await work.say("un")
        await work.end()
        await work.settled()
        (letter,) = work.store.buried.values()
        agent.broken = False
        assert await work.runner.replay(letter.letter_id) is True
        assert work.results() == ["2", "end"]


async def test_a_call_that_is_deleted_meanwhile_is_let_go() -> None:
    agent = Scripted(does=fail)
    async with working(agent, retries=Retries(attempts=2, first=0.01, longest=0.01)) as work:
        await work.say("un", "deux")
        await eventually(lambda: agent.seen)
        await work.store.delete("call")
        await work.settled()


async def test_closing_lets_a_handler_finish() -> None:
    go = asyncio.Event()
    agent = Scripted(does=lambda _: go.wait())
    async with working(agent) as work:
        agent.does = lambda _: _after(go)
        await work.say("un", "deux")
        await eventually(lambda: agent.seen)
        closing = asyncio.ensure_future(work.runner.close(5))
        await asyncio.sleep(0)
        go.set()
        await closing
        assert work.store.cursors == {("scripted", "call"): 2}
        assert work.results() == ["2"]


async def _after(go: asyncio.Event) -> list[Finding]:
    await go.wait()
    return [Finding(kind="seen", key="2")]


async def test_closing_does_not_wait_for_ever_and_loses_nothing(store: Kept) -> None:
    agent = Scripted(does=lambda _: asyncio.sleep(60))
    async with working(agent, store=store) as work:
        await work.say("un")
        await eventually(lambda: agent.seen)
        await work.runner.close(0.01)
        assert (store.cursors, store.buried) == ({}, {})
    agent.does = lambda _: None
    async with working(agent, store=store) as work:
        await eventually(lambda: work.results() == ["2"])


async def test_closing_does_not_wait_for_pauses() -> None:
    agent = Scripted(does=fail)
    async with working(agent, retries=Retries(first=1000, longest=1000)) as work:
        await work.say("un")
        await eventually(lambda: agent.seen)
        async with asyncio.timeout(5):
            await work.runner.close(60)
        assert work.store.buried == {}


async def test_agents_are_closed_each_even_where_one_fails() -> None:
    closed = []

    class Closing(Scripted):
        async def close(self) -> None:
            closed.append(self.name)
            raise ValueError("no")

    async with working(Closing("one"), Closing("two")) as work:
        with capture_logs() as logs:
            await work.runner.close()
    assert closed[:2] == ["one", "two"]
    assert [log["event"] for log in logs] == ["agent_not_closed"] * 2


@pytest.mark.parametrize("left", range(30))
async def test_wherever_it_dies_every_final_is_seen_and_every_result_told_once(
    left: int, store: Kept
) -> None:
    async with working(store=store) as nobody:
        await nobody.say("un", "deux", "trois")
        await nobody.end()
    agent = Finishing(does=lambda final: fail(final) if final.seq == 3 else None)
    store.left = left
    async with working(agent, store=store) as before:
        await before.settled()
    store.left = None
    died = len(agent.seen)
    async with working(agent, store=store) as work:
        await work.settled()
        told = [result.key for result in await store.results("call")]
    assert told == ["2", "4", "end"]
    assert len(store.buried) == 1
    assert len(agent.finished) in (1, 2)
    for seen in (agent.seen[:died], agent.seen[died:]):
        assert seen == sorted(seen)
    assert {seq for _, seq in agent.seen} == {2, 3, 4}
    assert store.cursors == {("scripted", "call"): 5}


async def test_a_call_that_goes_on_at_another_server_is_left_to_its_agents(store: Kept) -> None:
    elsewhere = {"theirs"}

    async def is_elsewhere(session_id: str) -> bool:
        return session_id in elsewhere

    agent = Scripted()
    async with working(agent, store=store, is_elsewhere=is_elsewhere) as work:
        await work.say("un", session_id="theirs")
        await work.say("deux", session_id="ours")
        await work.settled()
        assert {session_id for session_id, _ in agent.seen} == {"ours"}
        assert await store.cursor("scripted", "theirs") == 0
        elsewhere.clear()
        await work.end("theirs")
        await work.settled()
        assert ("theirs", 2) in agent.seen, "who is there when it has ended does what is left"


async def test_what_was_handed_over_is_not_read_and_its_cursors_wait(
    store: Kept, handed: bool
) -> None:
    agents = [Finishing(name, lambda _: []) for name in ("one", "two")]
    async with working(*agents, store=store) as work:
        await work.say("un")
        await work.settled()
        store.calls_made.clear()
        for number in range(5):
            await work.say(f"mot {number}")
            await work.settled()
        assert [seq for _, seq in agents[0].seen] == list(range(2, 8))
        assert agents[0].calls[-1].transcript.text.splitlines()[-1] == "mot 4"
        assert bool(store.calls_made.count("events")) is not handed
        assert bool(store.calls_made.count("cursor")) is not handed
        if handed:  # a test as slow as EVERY would see a write, and one only
            assert store.calls_made.count("advance_all") <= 1
        await work.end()
        await work.settled()
        assert store.cursors == {("one", "call"): 8, ("two", "call"): 8}
        assert agents[0].finished == ["call"]


async def test_closing_writes_the_cursors_of_those_who_found_nothing(store: Kept) -> None:
    agent = Scripted(does=lambda _: [])
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
    assert store.cursors == {("scripted", "call"): 2}


async def test_before_it_asks_who_is_behind_it_writes_the_cursors(store: Kept) -> None:
    agent = Scripted(does=lambda _: [])
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
        work.runner.start()
        await work.settled()
        assert agent.seen == [("call", 2)]
        assert store.cursors == {("scripted", "call"): 2}


async def test_a_call_that_somebody_else_deleted_is_soon_let_go(store: Kept) -> None:
    agent = Scripted(does=lambda _: [])
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
        await store.delete("call")
        await work.runner._cursors.write()
        gone = [final("deux", 3)]
        await store.append(gone)  # it keeps nothing of a call that is not there
        work.runner.take(gone)
        work.runner.notice("call")
        await work.settled()
    assert agent.seen == [("call", 2)]


async def test_a_hole_in_what_was_handed_over_is_read(store: Kept) -> None:
    agent = Scripted()
    async with working(agent, store=store) as work:
        await work.say("un")
        await work.settled()
        await store.append([final("deux", 10)])
        work.runner.lose(["call"])
        await work.say("trois")
        await work.settled()
    assert [seq for _, seq in agent.seen] == [2, 10, 11]
