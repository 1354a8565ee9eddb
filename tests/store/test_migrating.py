"""Databases are brought up to date, and back."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, text

from callscribe.errors import ConfigurationError, StoreError
from callscribe.store import migrating
from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


async def test_up_down_and_up_again(both: URL) -> None:
    await migrate(both)
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), final(2, "Un.")])
    await store.close()
    await migrate(both)  # what is there stays
    store = SqlStore(Database(both))
    assert len((await store.transcript("call")).utterances) == 1
    await store.close()
    await migrate(both, "base")
    store = SqlStore(Database(both))
    with pytest.raises(StoreError):
        await store.calls()
    await store.close()
    await migrate(both)
    store = SqlStore(Database(both))
    assert await store.calls() == []
    await store.append([started(), final(2, "Deux.")])
    assert len(await store.calls(search="deux")) == 1
    await store.close()


async def test_a_database_of_a_later_version_is_left_alone(both: URL) -> None:
    await migrate(both)
    database = Database(both)
    later = text("UPDATE alembic_version SET version_num = '9999'")
    await database.write(lambda connection: connection.execute(later))
    for revision in ("head", "base"):
        with pytest.raises(ConfigurationError, match="later version of Callscribe"):
            await migrate(both, revision)
    count = text("SELECT count(*) FROM calls")
    assert await database.read(lambda connection: connection.scalar(count)) == 0
    await database.close()


async def test_several_at_once_wait_for_each_other(both: URL) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(migrate(both))
    store = SqlStore(Database(both))
    await store.append([started()])
    await store.close()


async def test_a_lock_is_waited_for_and_then_said(
    file: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "WAIT", 0.2)
    with closing(sqlite3.connect(str(file.database), isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked") as raised:
            await migrate(file)
        assert raised.value.retryable
    await migrate(file)


async def test_the_newest_revision_is_known_without_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrating._PLACE))
    assert migrating.newest() == ScriptDirectory.from_config(config).get_current_head()
