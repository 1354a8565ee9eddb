"""Reading goes on whoever writes."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import URL, text

from callscribe.store import reading
from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


async def test_who_reads_does_not_wait_for_who_writes(both: URL) -> None:
    await migrate(both)
    database = Database(both)
    store = SqlStore(database)
    await store.append([started(), final(2, "Un.")])
    async with database.writing() as connection:
        await connection.execute(text("UPDATE utterances SET text = 'Deux.'"))
        async with asyncio.timeout(5):
            assert [u.text for u in (await store.transcript("call")).utterances] == ["Un."]
            assert len(await store.calls(search="un")) == 1
            assert len(await asyncio.gather(*(store.events("call") for _ in range(20)))) == 20
    assert [u.text for u in (await store.transcript("call")).utterances] == ["Deux."]
    await store.close()


async def test_reading_cannot_change_anything(file: URL) -> None:
    await migrate(file)
    database = Database(file)
    with pytest.raises(Exception, match="readonly"):
        async with database.reading() as connection:
            await connection.execute(text("DELETE FROM calls"))
    await database.close()


async def test_long_calls_are_read_beside_the_loop(
    file: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(file)
    store = SqlStore(Database(file))
    many = reading.ON_THE_LOOP + 1
    threads = []

    def watched(value: str) -> object:
        threads.append(threading.current_thread())
        return value

    await store.append([started(), *(final(seq, "x") for seq in range(2, many + 1))])
    monkeypatch.setattr(reading, "from_json", watched)
    assert len(await store.events("call")) == many
    assert threading.main_thread() not in threads
    await store.close()
