"""Events get onto disk, whatever the store does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callscribe import keeping
from callscribe.errors import StoreError
from callscribe.events import Event, Notice, SessionStarted
from callscribe.keeping import Keeper
from callscribe.store import FileJournal, create_store
from callscribe.store.base import Store

pytestmark = pytest.mark.anyio

TOO_LARGE = 2**70
"""No database takes an event of this number."""


class Troubled:
    """A real store that fails, or stands still, when a test wants it to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble: Callable[[Sequence[Event]], None] = lambda _: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = 1_000
        """More than so many events take it longer than anybody waits."""

    async def append(self, events: Sequence[Event]) -> None:
        await self.gate.wait()
        if len(events) > self.at_once:
            await asyncio.sleep(60)
        self.trouble(events)
        await self._store.append(events)

    async def call(self, session_id: str) -> object:
        await self.gate.wait()
        self.trouble([])
        return await self._store.call(session_id)


def gone(_: Sequence[Event]) -> None:
    raise StoreError("the disk is full")


class Rig:
    def __init__(self, folder: Path, store: Store) -> None:
        self.path = folder / "journal"
        self.real = store
        self.store = Troubled(store)
        self.warned: list[tuple[str, str]] = []
        self.arrived: list[Event] = []
        self.returns = 0
        self.keeper = self.again()

    def again(self) -> Keeper:
        return Keeper(
            self.store,  # type: ignore[arg-type]
            FileJournal(self.path),
            warn=lambda sessions, code, _: self.warned.extend((s, code) for s in sessions),
            arrived=self.arrived.extend,
            back=self._back,
        )

    def _back(self) -> None:
        self.returns += 1

    async def keep(self, *numbers: int, session_id: str = "call") -> bool:
        return await self.keeper.keep(events(*numbers, session_id=session_id))

    async def back(self) -> None:
        async with asyncio.timeout(5):
            while self.keeper.away:
                await asyncio.sleep(0.01)

    async def kept(self, session_id: str = "call") -> list[int]:
        return [event["seq"] for event in await self.real.events(session_id)]


def events(*numbers: int, session_id: str = "call") -> list[Event]:
    return [
        SessionStarted(session_id=session_id, seq=n, at=1.0)
        if n == 1
        else Notice(session_id=session_id, seq=n, at=1.0, code="c", message="secret")
        for n in numbers
    ]


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(keeping, "RETRY", 0.02)
    store = await create_store(f"sqlite:///{tmp_path / 'calls.db'}")
    rig = Rig(tmp_path, store)
    await rig.keeper.open()
    yield rig
    rig.store.gate.set()
    await rig.keeper.close()
    await rig.keeper.close()
    await store.close()


async def test_the_store_comes_back_although_nobody_speaks(rig: Rig) -> None:
    assert await rig.keep(1, 2)
    assert await rig.kept() == [1, 2]
    rig.store.trouble = gone
    assert not await rig.keep(3)
    assert (rig.keeper.away, rig.warned) == ("the disk is full", [("call", "store_away")])
    assert rig.keeper.counts == {"stored": 2, "journaled": 1}
    rig.store.trouble = lambda _: None
    await rig.back()
    assert (await rig.kept(), rig.returns) == ([1, 2, 3], 1)
    assert rig.arrived == events(3)
    assert not rig.path.exists()


async def test_what_is_said_never_waits_for_a_try_to_reach_the_store(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.keep(1)
    monkeypatch.setattr(keeping, "PATIENCE", 0.02)
    rig.store.gate.clear()
    await rig.keep(2)  # after PATIENCE, once
    monkeypatch.setattr(keeping, "PATIENCE", 60)
    await asyncio.sleep(0.1)  # by now a try has begun that will not end
    async with asyncio.timeout(5):
        await rig.keep(3)
    rig.store.gate.set()
    await rig.back()
    assert await rig.kept() == [1, 2, 3]


async def test_what_comes_while_the_journal_is_brought_home_keeps_its_place(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST", 20)
    await rig.keep(1)
    rig.store.trouble = gone
    await rig.keep(*range(2, 200))
    rig.store.trouble = lambda _: None
    number = 200
    async with asyncio.timeout(30):
        while rig.keeper.away:
            await rig.keep(number)
            number += 1
            await asyncio.sleep(0.005)
    await rig.keep(number)
    assert await rig.kept() == list(range(1, number + 1))
    assert rig.keeper.counts["stored"] >= 2, "the last one went into the store again"


async def test_a_store_too_slow_for_much_at_once_gets_it_in_parts(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.keep(1)
    rig.store.trouble = gone
    await rig.keep(*range(2, 66))
    rig.store.trouble = lambda _: None
    rig.store.at_once = 10
    monkeypatch.setattr(keeping, "PATIENCE", 0.2)
    await rig.back()
    assert await rig.kept() == list(range(1, 66))


async def test_an_event_that_the_store_refuses_costs_no_other(rig: Rig) -> None:
    await rig.keep(1)
    with capture_logs() as logs:
        assert not await rig.keep(2, 3, TOO_LARGE, 4, 5)
    assert not rig.keeper.away
    assert await rig.kept() == [1, 2, 3, 4, 5]
    assert rig.keeper.counts["set_aside"] == 1
    assert rig.warned == [("call", "store_refused")]
    assert "secret" not in str(logs)
    refused = rig.path.with_name("journal.refused")
    assert len(refused.read_text().splitlines()) == 1


async def test_a_call_whose_beginning_is_refused_is_set_aside_whole(rig: Rig) -> None:
    def bug(given: Sequence[Event]) -> None:
        if any(isinstance(event, SessionStarted) for event in given):
            raise ValueError("a secret word")

    rig.store.trouble = bug
    with capture_logs() as logs:
        await rig.keep(1, 2, session_id="new")
        await rig.keep(3, session_id="new")
    assert "secret" not in str(logs)
    assert rig.keeper.counts["set_aside"] == 3
    assert await rig.kept("new") == []
    rig.store.trouble = lambda _: None  # a later version
    await rig.keeper.close()
    rig.keeper = rig.again()
    await rig.keeper.open()
    assert await rig.kept("new") == [1, 2, 3]
    assert not rig.path.exists()
    assert not rig.path.with_name("journal.refused").exists()


async def test_neither_store_nor_journal(rig: Rig) -> None:
    await rig.keep(1)
    rig.path.mkdir()
    rig.store.trouble = gone
    await rig.keep(2)
    assert rig.keeper.counts["unwritten"] == 1
    assert ("call", "not_kept") in rig.warned
    await asyncio.sleep(0.1)
    rig.path.rmdir()
    rig.store.trouble = lambda _: None
    await rig.back()
    assert await rig.kept() == [1, 2]
    assert not rig.keeper.unwritten


async def test_what_was_in_memory_only_goes_before_what_the_journal_took_later(rig: Rig) -> None:
    """The store passes over what it hears of a call before its beginning."""
    rig.path.mkdir()
    rig.store.trouble = gone
    await rig.keep(1, 2)
    rig.path.rmdir()
    await rig.keep(3)
    assert not rig.keeper.unwritten, "a crash loses none of it any more"
    rig.store.trouble = lambda _: None
    await rig.back()
    assert await rig.kept() == [1, 2, 3]


async def test_the_journal_takes_what_is_on_its_way_into_the_store(rig: Rig) -> None:
    rig.path.mkdir()
    rig.store.trouble = gone
    await rig.keep(1, 2)
    rig.store.gate.clear()
    rig.store.trouble = lambda _: None
    await asyncio.sleep(0.1)  # a try has begun
    rig.path.rmdir()
    await rig.keep(3)
    rig.store.trouble = gone  # it fails after all
    rig.store.gate.set()
    await asyncio.sleep(0.1)
    rig.store.trouble = lambda _: None
    await rig.back()
    assert await rig.kept() == [1, 2, 3]


async def test_what_memory_has_no_room_for_is_counted_and_said(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "UNWRITTEN", 3)
    await rig.keep(1)
    rig.path.mkdir()
    rig.store.trouble = gone
    with capture_logs() as logs:
        await rig.keep(2, 3)
        assert rig.keeper.counts["lost"] == 0
        await rig.keep(4, 5)
    assert rig.keeper.counts["lost"] == 1
    assert [e["events"] for e in logs if e["event"] == "events_lost"] == [1]
    rig.path.rmdir()
    rig.store.trouble = lambda _: None
    await rig.back()
    assert await rig.kept() == [1, 2, 3, 4], "what is oldest stays: a call's beginning"


async def test_what_is_in_memory_only_at_the_end_is_said(rig: Rig) -> None:
    rig.path.mkdir()
    rig.store.trouble = gone
    await rig.keep(1, 2)
    with capture_logs() as logs:
        await rig.keeper.close()
    assert [e["events"] for e in logs if e["event"] == "events_lost"] == [2]


async def test_what_an_earlier_process_left_goes_first(rig: Rig, tmp_path: Path) -> None:
    rig.store.trouble = gone
    await rig.keep(1, 2)
    await rig.keeper.close()
    assert await rig.kept() == []
    rig.keeper = rig.again()
    await rig.keeper.open()
    assert rig.keeper.away == "the disk is full"
    await rig.keep(3)
    rig.store.trouble = lambda _: None
    await rig.keeper.close()  # tries once more
    assert await rig.kept() == [1, 2, 3]
    assert list(tmp_path.glob("journal*")) == []
