"""Utterances that were there before are not unsure; going back drops what was known."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, text

from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


async def unsure(url: URL) -> list[bool]:
    store = SqlStore(Database(url))
    transcript = await store.transcript("call")
    await store.close()
    return [said.unsure for said in transcript.utterances]


async def test_old_utterances_are_not_unsure_and_new_ones_may_be(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), final(2, "Un.", unsure=True)])
    await store.close()
    assert await unsure(both) == [True]
    await migrate(both, "0002")
    database = Database(both)
    rows = text("SELECT * FROM utterances")
    names = await database.read(lambda connection: list(connection.execute(rows).keys()))
    await database.close()
    assert "unsure" not in names
    await migrate(both)
    assert await unsure(both) == [False]
