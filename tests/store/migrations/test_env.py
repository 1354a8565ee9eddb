"""Migrations run on the connection that they are given, whole or not at all."""

from __future__ import annotations

from types import ModuleType

import pytest
from alembic import op
from sqlalchemy import URL, inspect

from callscribe.errors import StoreError
from callscribe.store.database import Database
from callscribe.store.migrating import migrate

pytestmark = pytest.mark.anyio


async def test_a_migration_that_breaks_off_leaves_nothing(
    both: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = op.create_table

    def fail(name: str, *columns: object) -> object:
        if name == "revisions":
            raise OSError("the disk is gone")
        return create(name, *columns)  # type: ignore[arg-type]

    assert isinstance(op, ModuleType)
    monkeypatch.setattr(op, "create_table", fail)
    with pytest.raises(StoreError):
        await migrate(both)
    database = Database(both)
    assert await database.read(lambda c: inspect(c).get_table_names()) == []
    await database.close()
    monkeypatch.undo()
    await migrate(both)
