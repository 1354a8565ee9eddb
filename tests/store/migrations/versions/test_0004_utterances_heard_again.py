"""Who heard utterances again is not known of those from before; going back drops what was known."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, text

from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


async def heard_again(url: URL) -> list[str]:
    store = SqlStore(Database(url))
    transcript = await store.transcript("call")
    await store.close()
    return [said.heard_again for said in transcript.utterances]


async def test_who_heard_it_again_is_known_from_now_on(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), final(2, "Un.", heard_again="whisper")])
    await store.close()
    assert await heard_again(both) == ["whisper"]
    await migrate(both, "0003")
    database = Database(both)
    rows = text("SELECT * FROM utterances")
    names = await database.read(lambda connection: list(connection.execute(rows).keys()))
    await database.close()
    assert "heard_again" not in names
    await migrate(both)
    assert await heard_again(both) == [""]
