"""Legs that were there before their encoding and model were noted stay, in both directions."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, text

from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from tests.happenings import leg, started

pytestmark = pytest.mark.anyio

OLD_LEG = text(
    'INSERT INTO legs (session_id, seq, speaker, sample_rate, language, engine, "offset") '
    "VALUES ('call', 0, 'agent', 8000, 'fr', 'whisper', 0.25)"
)


async def encodings(url: URL) -> list[tuple[int, str]]:
    store = SqlStore(Database(url))
    call = await store.call("call")
    await store.close()
    assert call is not None
    return [(leg.sample_rate, leg.encoding) for leg in call.legs]


async def test_an_old_leg_is_kept_without_an_encoding(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), leg(2, encoding="mulaw")])
    await store.close()
    await migrate(both, "0001")
    database = Database(both)
    await database.write(lambda connection: connection.execute(OLD_LEG))
    await database.close()
    await migrate(both)
    assert await encodings(both) == [(8000, ""), (16_000, "")]  # it was dropped meanwhile
    store = SqlStore(Database(both))
    await store.append([leg(3, "technician", encoding="mulaw")])
    await store.close()
    assert (await encodings(both))[2] == (16_000, "mulaw")


async def test_going_back_drops_these_columns_alone(both: URL) -> None:
    await migrate(both)
    await migrate(both, "0001")
    database = Database(both)
    version = text("SELECT version_num FROM alembic_version")
    assert await database.read(lambda connection: connection.scalar(version)) == "0001"
    names = await database.read(lambda c: list(c.execute(text("SELECT * FROM legs")).keys()))
    await database.close()
    assert not {"encoding", "model"} & set(names)
    assert "seconds" in names
