"""The store when its process is killed, its disk is full, its database locked or gone."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection

from callscribe.errors import StoreError
from callscribe.events import Event, SpeechStarted
from callscribe.store import writing
from callscribe.store.database import Database, parse_address
from callscribe.store.migrating import migrate
from callscribe.store.rows import Prepared, prepare
from callscribe.store.sql import ON_THE_LOOP, SqlStore
from tests.happenings import final, started
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent

WRITER = """
import asyncio, sys
from callscribe.store import create_store
from tests.happenings import final, started

async def main(path, session_id, most):
    store = await create_store(path)
    await store.append([started(session_id)])
    for seq in range(2, most):
        await store.append([final(seq, f"Mot {seq}.", session_id=session_id)])
        print(seq, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
async def store(file: URL) -> AsyncIterator[SqlStore]:
    await migrate(file)
    made = SqlStore(Database(file, busy=0.3))
    await made.append([started(), final(2, "Un.")])
    yield made
    await made.close()


def writer(file: URL, session_id: str, most: int) -> subprocess.Popen[str]:
    address = file.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, address, session_id, str(most)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


async def texts(store: SqlStore, session_id: str = "call") -> list[str]:
    return [u.text for u in (await store.transcript(session_id)).utterances]


@pytest.mark.parametrize("after", [1, 7, 40])
async def test_what_was_returned_survives_a_kill(file: URL, after: int) -> None:
    with writer(file, "call", 100_000) as child:
        assert child.stdout is not None
        for _ in range(after):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        said = [int(line) for line in child.stdout.read().splitlines() if line]
    last = max(said, default=after + 1)
    await migrate(file)
    store = SqlStore(Database(file))
    kept = [event["seq"] for event in await store.events("call")]
    assert kept == list(range(1, len(kept) + 1))
    assert len(kept) >= last >= after + 1
    assert await texts(store) == [f"Mot {seq}." for seq in kept[1:]]
    assert len((await store.calls(search="mot"))[0].matches) == min(20, len(kept) - 1)
    await store.append([final(len(kept) + 1, "Weiter.")])
    assert (await texts(store))[-1] == "Weiter."
    await store.close()


async def test_two_processes_write_to_one_file(store: SqlStore, file: URL) -> None:
    with writer(file, "other", 60) as child:
        for seq in range(3, 60):
            await store.append([final(seq, f"Mot {seq}.")])
            await asyncio.sleep(0.001)
        await asyncio.to_thread(child.communicate, timeout=60)
    assert child.returncode == 0
    assert len(await texts(store)) == len(await texts(store, "other")) == 58


async def test_several_processes_may_start_at_once(both: URL) -> None:
    children = [writer(both, f"call-{number}", 5) for number in range(4)]
    for child in children:
        await asyncio.to_thread(child.communicate, timeout=60)
    assert [child.returncode for child in children] == [0] * 4
    store = SqlStore(Database(both))
    assert len(await store.calls(search="mot")) == 4
    await store.close()


def pragma(connection: Connection, what: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {what}").scalar()


async def test_a_full_disk_is_said_and_nothing_is_lost(store: SqlStore) -> None:
    pages = await store._database.write(pragma, "page_count")
    await store._database.write(pragma, f"max_page_count = {pages}")
    with pytest.raises(StoreError, match="disk is full") as raised:
        await store.append([final(3, "Deux."), final(4, "lang " * 20_000)])
    assert raised.value.retryable
    assert await texts(store) == ["Un."]
    await store._database.write(pragma, "max_page_count = 1000000")
    await store.append([final(3, "Deux.")])
    assert await texts(store) == ["Un.", "Deux."]


async def test_a_locked_database_is_said_and_can_be_read(store: SqlStore, file: URL) -> None:
    with closing(sqlite3.connect(str(file.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as raised:
            await store.append([final(3, "Deux.")])
        assert raised.value.retryable
        assert await texts(store) == ["Un."]
    await store.append([final(3, "Deux.")])
    assert await texts(store) == ["Un.", "Deux."]


async def test_who_gives_up_waiting_for_a_lock_holds_up_nobody(file: URL) -> None:
    await migrate(file)
    store = SqlStore(Database(file, busy=2.0))
    await store.append([started()])
    with closing(sqlite3.connect(str(file.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await store.append([final(2, "Un.")])
    await store.append([final(3, "Deux.")])
    assert (await texts(store))[-1] == "Deux."
    await store.close()


async def test_a_server_that_goes_and_comes_back(
    postgres: str, postgres_server: PostgresServer
) -> None:
    address = parse_address(postgres)
    await migrate(address)
    store = SqlStore(Database(address))
    await store.append([started(), final(2, "Un.")])
    assert await texts(store) == ["Un."]
    postgres_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(StoreError) as raised:
                await store.append([final(3, "Deux.")])
            assert raised.value.retryable
            with pytest.raises(StoreError):
                await store.calls()
    finally:
        postgres_server.start("fsync=off")
    await store.append([final(3, "Deux.")])
    assert await texts(store) == ["Un.", "Deux."]
    # Nobody notices a restart while nothing is asked.
    postgres_server.stop()
    postgres_server.start("fsync=off")
    await store.append([final(4, "Trois.")])
    assert len(await texts(store)) == 3
    await store.close()


async def test_sqlite_is_written_beside_the_loop(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def watched(given: Sequence[Event]) -> list[Prepared]:
        threads.append(threading.current_thread())
        return prepare(given)

    monkeypatch.setattr(writing, "prepare", watched)
    await store.append([final(3, "Deux.")])
    await store.append([final(seq, "x") for seq in range(4, 5 + ON_THE_LOOP)])
    await store.append(
        [SpeechStarted(session_id="call", seq=99, at=0.0, speaker="a", utterance_id="a", start=0.0)]
    )
    assert len(threads) == 2, "what is not kept is not written"
    assert threads[0] is threads[1]
    assert threads[0] is not threading.current_thread()


async def test_large_batches_are_encoded_beside_the_loop(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = parse_address(postgres)
    await migrate(address)
    store = SqlStore(Database(address))
    await store.append([started(), final(2, "Un.")])
    asked: list[object] = []
    here = asyncio.to_thread

    async def watched(work: object, *arguments: object) -> object:
        asked.append(work)
        return await here(work, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "to_thread", watched)
    await store.append([final(3, "Deux.")])
    assert not asked
    await store.append([final(seq, "x") for seq in range(4, 5 + ON_THE_LOOP)])
    assert len(asked) == 1
    await store.close()
