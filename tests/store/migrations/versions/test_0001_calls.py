"""The first migration makes what ``schema`` says, and takes away what it made."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, inspect

from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.schema import metadata

pytestmark = pytest.mark.anyio


def differences(connection: Connection) -> list[Any]:
    def ours(name: str | None, kind: str, _: object) -> bool:
        return "_search" not in (name or "") or kind not in ("table", "index")

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_name": ours}
    )
    return compare_metadata(context, metadata)


async def test_the_tables_are_those_of_the_schema(both: URL) -> None:
    await migrate(both)
    database = Database(both)
    assert await database.write(differences) == []
    await database.close()


async def test_nothing_is_left_afterwards(both: URL) -> None:
    await migrate(both)
    await migrate(both, "base")
    database = Database(both)
    names = await database.read(lambda c: inspect(c).get_table_names())
    assert names == ["alembic_version"]
    await database.close()
