"""Events are kept before they are told, whatever the store does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from callscribe import keeping, ledger
from callscribe.bus.local import LocalBus
from callscribe.errors import SessionNotFound, StoreError
from callscribe.events import Event, InterimResult, Notice, SessionEnded, SessionStarted
from callscribe.ledger import Ledger
from callscribe.store import FileJournal, create_store
from callscribe.store.base import Store

pytestmark = pytest.mark.anyio


class Troubled:
    """A real store that fails or stands still when a test wants it to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[int] = []

    async def append(self, events: Sequence[Event]) -> None:
        await self.gate.wait()
        if self.fails:
            raise StoreError("the disk is full")
        await self._store.append(events)
        self.batches.append(len(events))

    def __getattr__(self, name: str) -> object:
        if self.fails:
            raise StoreError("the disk is full")
        return getattr(self._store, name)


class Heard(LocalBus):
    """A bus that notes what was told, and whether it was in the store by then."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Event] = []

    def publish(self, event: Event) -> None:
        self.told.append(event)
        super().publish(event)


class Rig:
    def __init__(self, store: Store, journal: FileJournal) -> None:
        self.bus = Heard()
        self.real = store
        self.store = Troubled(store)
        self.journal = journal
        self.ledger = Ledger(self.bus, lambda: 1000.0)

    async def open(self) -> None:
        await self.ledger.open(self.store, self.journal)  # type: ignore[arg-type]

    def notice(self, text: str, session_id: str = "call") -> None:
        self.ledger.publish(session_id, Notice, code="c", message=text)

    def interim(self, text: str, session_id: str = "call") -> None:
        self.ledger.publish(
            session_id,
            InterimResult,
            speaker="agent",
            utterance_id="agent-1",
            text=text,
            start=0.0,
            end=1.0,
        )

    async def back(self) -> None:
        """Waits until the store is there again, and all is told."""
        async with asyncio.timeout(5):
            while self.ledger.away:
                await asyncio.sleep(0.01)
        await self.ledger.settled("call")

    @property
    def counts(self) -> Counter[str]:
        assert self.ledger.keeper is not None
        return self.ledger.keeper.counts

    @property
    def told(self) -> list[str]:
        return [getattr(e, "message", getattr(e, "text", e.type)) for e in self.bus.told]

    async def kept(self) -> list[str]:
        return [e.get("message", e["type"]) for e in await self.real.events("call")]


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    store = await create_store(f"sqlite:///{tmp_path / 'calls.db'}")
    monkeypatch.setattr(keeping, "RETRY", 0.05)
    rig = Rig(store, FileJournal(tmp_path / "journal"))
    rig.ledger.publish("call", SessionStarted)
    await rig.open()
    # A session begins before its store in no real server; the number stays free for nobody.
    await store.append([rig.bus.told[0]])
    rig.bus.told.clear()
    yield rig
    rig.store.gate.set()
    rig.store.fails = False
    await rig.ledger.close()
    await store.close()


async def test_a_durable_event_is_told_when_it_is_kept(rig: Rig) -> None:
    rig.store.gate.clear()
    rig.notice("one")
    await asyncio.sleep(0.05)
    assert rig.told == []
    rig.store.gate.set()
    await rig.ledger.settled("call")
    assert rig.told == ["one"]
    assert await rig.kept() == ["session_started", "one"]


async def test_up_to_where_a_call_is_on_disk(rig: Rig) -> None:
    rig.notice("one")
    await rig.ledger.settled("call")
    kept = rig.ledger.kept_below("call")
    assert kept == rig.ledger.seq("call") + 1
    rig.store.gate.clear()
    rig.notice("of another call", "other")
    rig.notice("two")
    assert rig.ledger.kept_below("call") == kept, "below the first that waits"
    rig.notice("three")
    assert rig.ledger.kept_below("call") == kept
    rig.store.gate.set()
    await rig.ledger.settled("call")
    assert rig.ledger.kept_below("call") == rig.ledger.seq("call") + 1
    assert rig.ledger.keeper is not None
    rig.ledger.keeper.unwritten.append(rig.bus.told[-1])
    assert rig.ledger.kept_below("call") == 0, "what is in memory only would be lost"
    rig.ledger.keeper.unwritten.clear()


async def test_interims_keep_their_place_behind_what_waits(rig: Rig) -> None:
    rig.interim("at once")
    assert rig.told == ["at once"]
    rig.store.gate.clear()
    rig.notice("one")
    rig.interim("behind one")
    rig.interim("of another call", "other")
    assert rig.told == ["at once", "of another call"]
    rig.store.gate.set()
    await rig.ledger.settled("call")
    assert rig.told == ["at once", "of another call", "one", "behind one"]
    numbers = [e.seq for e in rig.bus.told if e.session_id == "call"]
    assert numbers == sorted(numbers)
    assert await rig.kept() == ["session_started", "one"]


async def test_what_waits_is_written_together(rig: Rig) -> None:
    for number in range(700):
        rig.notice(str(number))
    await rig.ledger.settled("call")
    assert rig.told == [str(number) for number in range(700)]
    assert max(rig.store.batches) == keeping.MOST
    assert rig.counts["stored"] == 700


async def test_a_store_that_fails_is_replaced_by_the_journal_until_it_is_back(rig: Rig) -> None:
    rig.store.fails = True
    rig.notice("one")
    await rig.ledger.settled("call")
    assert rig.told[0] == "one"
    assert "the disk is full" in rig.told[1]
    assert [e.message for e in await rig.journal.read(9) if isinstance(e, Notice)] == rig.told
    assert rig.ledger.away == "the disk is full"
    with pytest.raises(StoreError, match="away"):
        await rig.ledger.tell("past", Notice, code="c", message="late")
    rig.store.fails = False
    rig.notice("two")
    await rig.back()
    assert rig.told[2:] == ["two", "The store is back; nothing that was said is missing in it."]
    assert await rig.kept() == ["session_started", *rig.told]
    assert await rig.journal.read(9) == []


async def test_what_an_earlier_process_left_in_the_journal(tmp_path: Path) -> None:
    store = await create_store(f"sqlite:///{tmp_path / 'calls.db'}")
    await store.append([SessionStarted(session_id="call", seq=1, at=1.0)])
    left = Notice(session_id="call", seq=2, at=1.0, code="c", message="left")
    await FileJournal(tmp_path / "journal").append([left])
    rig = Rig(store, FileJournal(tmp_path / "journal"))
    await rig.open()
    assert await rig.kept() == ["session_started", "left"]
    await rig.ledger.close()
    await store.close()


async def test_the_end_writes_what_waits(rig: Rig) -> None:
    rig.notice("one")
    rig.ledger.publish("call", SessionEnded)
    await rig.ledger.close()
    await rig.ledger.close()
    assert await rig.kept() == ["session_started", "one", "session_ended"]
    assert rig.told == ["one", "session_ended"]


async def test_who_tells_something_in_a_running_call_leaves_it_as_it_is(rig: Rig) -> None:
    for text in ("one", "two"):
        await rig.ledger.tell("call", Notice, code="c", message=text)
    assert rig.ledger.seq("call") == 3
    assert [e.seq for e in rig.bus.history("call")] == [1, 2, 3]


async def test_something_is_told_after_the_end(rig: Rig) -> None:
    rig.ledger.publish("call", SessionEnded)
    await rig.ledger.settled("call")
    rig.ledger.forget("call")
    await rig.ledger.tell("call", Notice, code="c", message="late")
    assert await rig.kept() == ["session_started", "session_ended", "late"]
    assert [e.seq for e in rig.bus.told] == [2, 3]
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(rig.ledger.tell("call", Notice, code="c", message=str(number)))
    assert sorted((await rig.kept())[3:]) == ["0", "1", "2"]
    assert rig.ledger.seq("call") == 0, "a call that has ended is not kept in memory"
    assert rig.bus.history("call") == []
    with pytest.raises(SessionNotFound):
        await rig.ledger.tell("nobody", Notice, code="c", message="late")


async def test_who_listens_is_told_of_durable_events_only_and_may_fail(rig: Rig) -> None:
    seen: list[Event] = []

    def fails(_: Sequence[Event], __: bool) -> None:
        raise RuntimeError

    rig.ledger.after += [fails, lambda told, _: seen.extend(told)]
    rig.notice("one")
    rig.interim("two")
    await rig.ledger.settled("call")
    assert [e.type for e in seen] == ["notice"]
    rig.notice("three")
    await rig.ledger.settled("call")
    assert len(seen) == 2


@pytest.mark.parametrize(("rest", "batches"), [(60.0, [1, 2]), (0.0, [1, 1, 1])])
async def test_what_comes_soon_after_a_batch_is_written_together(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, rest: float, batches: list[int]
) -> None:
    await rig.ledger.settled("call")
    await asyncio.sleep(0.1)
    monkeypatch.setattr(ledger, "REST", rest)
    rig.store.batches.clear()
    rig.store.gate.clear()
    rig.notice("one")
    await asyncio.sleep(0.3)  # as long as it took the store rests
    rig.store.gate.set()
    await rig.ledger.settled("call")
    rig.notice("two")
    while rest == 0.0 and rig.store.batches == [1]:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    rig.notice("three")
    await rig.ledger.settled("call")
    assert rig.store.batches == batches


async def test_who_listens_knows_what_the_store_has(rig: Rig) -> None:
    seen: list[tuple[list[int], bool]] = []
    rig.ledger.after.append(lambda told, stored: seen.append(([e.seq for e in told], stored)))
    rig.notice("stored")
    await rig.ledger.settled("call")
    rig.store.fails = True
    rig.notice("in the journal")
    await rig.ledger.settled("call")
    away = [numbers for numbers, stored in seen if not stored]
    assert (seen[0], away[0]) == (([2], True), [3])
    rig.store.fails = False
    await rig.back()
    rig.notice("stored again")
    await rig.ledger.settled("call")
    late = [numbers for numbers, stored in seen if not stored][len(away) :]
    assert 3 in late[0], "it comes once more, when the store has it"
    assert seen[-1][1]
    told = {n for numbers, stored in seen if stored for n in numbers}
    assert not told & {n for numbers in away for n in numbers}


async def test_without_a_store_everything_is_told_at_once() -> None:
    bus = Heard()
    ledger = Ledger(bus, lambda: 1.0)
    ledger.publish("call", Notice, code="c", message="one")
    assert [e.seq for e in bus.told] == [1]
    await ledger.settled("call")
    assert ledger.seq("call") == 1
    await ledger.close()


async def test_who_asks_for_a_calls_number_while_another_tells_in_it(rig: Rig) -> None:
    """Two agents find something in a call that has ended; one is slow to hear of its number."""
    rig.ledger.publish("call", SessionEnded)
    await rig.ledger.settled("call")
    rig.ledger.forget("call")
    asked, go_on = asyncio.Event(), asyncio.Event()
    call = rig.real.call

    async def slow(session_id: str) -> object:
        found = await call(session_id)
        asked.set()
        await go_on.wait()
        return found

    rig.store.call = slow  # type: ignore[attr-defined]
    late = asyncio.create_task(rig.ledger.tell("call", Notice, code="c", message="slow"))
    await asked.wait()
    del rig.store.call  # type: ignore[attr-defined]
    await rig.ledger.tell("call", Notice, code="c", message="quick")
    go_on.set()
    await late
    assert await rig.kept() == ["session_started", "session_ended", "quick", "slow"]
    assert rig.ledger.seq("call") == 0


async def test_a_call_that_is_forgotten_while_somebody_tells_in_it(rig: Rig) -> None:
    rig.ledger.publish("call", SessionEnded)
    await rig.ledger.settled("call")
    rig.store.gate.clear()
    first = asyncio.create_task(rig.ledger.tell("call", Notice, code="c", message="first"))
    await asyncio.sleep(0.01)
    rig.ledger.forget("call")  # its session has made room for another
    second = asyncio.create_task(rig.ledger.tell("call", Notice, code="c", message="second"))
    await asyncio.sleep(0.05)
    rig.store.gate.set()
    await asyncio.gather(first, second)
    assert await rig.kept() == ["session_started", "session_ended", "first", "second"]


async def test_a_call_of_the_past_of_which_the_store_refuses_something(rig: Rig) -> None:
    """What the journal holds of it is set aside; its numbers go on where they were."""
    rig.ledger.publish("call", SessionEnded)
    await rig.ledger.settled("call")
    rig.ledger.forget("call")
    await rig.ledger.close()
    refused = Notice(session_id="call", seq=2**70, at=1.0, code="c", message="too large")
    await rig.journal.append([refused])
    rig.ledger = Ledger(rig.bus, lambda: 1000.0)
    await rig.open()
    assert rig.counts["set_aside"] == 1
    await rig.ledger.tell("call", Notice, code="c", message="late")
    assert await rig.kept() == ["session_started", "session_ended", "late"]


async def test_a_call_that_begins_while_somebody_looks_for_one_of_its_name(rig: Rig) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        asked.set()
        await go_on.wait()

    rig.store.call = slow  # type: ignore[attr-defined]
    late = asyncio.create_task(rig.ledger.tell("new", Notice, code="c", message="late"))
    await asked.wait()
    rig.ledger.publish("new", SessionStarted)
    go_on.set()
    with pytest.raises(SessionNotFound):
        await late
    assert rig.ledger.seq("new") == 1


async def test_a_call_that_goes_on_at_another_server_gets_its_numbers_there(rig: Rig) -> None:
    other = Ledger(Heard(), lambda: 1000.0)
    await other.open(rig.real, FileJournal(Path("unused")))
    assert await other.is_elsewhere("call")
    assert not await rig.ledger.is_elsewhere("call")
    with pytest.raises(StoreError, match="another server"):
        await other.tell("call", Notice, code="c", message="elsewhere")
    rig.notice("here")
    rig.ledger.publish("call", SessionEnded)
    await rig.ledger.settled("call")
    assert await rig.kept() == ["session_started", "here", "session_ended"]
    assert not await other.is_elsewhere("call")
    await other.tell("call", Notice, code="c", message="elsewhere")
    assert (await rig.kept())[-1] == "elsewhere"
    await other.close()
