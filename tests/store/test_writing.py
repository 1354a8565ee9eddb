"""Events on their way into the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from math import ceil

import pytest
from sqlalchemy import URL, Engine, event

from callscribe.events import Event
from callscribe.store import together
from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from callscribe.store.sqlite import Sqlite
from callscribe.store.together import MOST, driver_of
from tests.happenings import final, gap, leg, result, started

pytestmark = pytest.mark.anyio


def engine_of(database: Database) -> Engine:
    """What writes."""
    kind = database._kind
    return kind._writer._engine if isinstance(kind, Sqlite) else kind.writer.sync_engine


class Counted:
    """A driver's connection whose statements are counted."""

    def __init__(self, driver: sqlite3.Connection, statements: list[str]) -> None:
        self._driver, self._statements = driver, statements

    def execute(self, text: str, values: Sequence[object]) -> sqlite3.Cursor:
        """Counts and executes."""
        self._statements.append(text)
        return self._driver.execute(text, values)


async def test_a_batch_takes_hardly_more_statements_the_larger_it_is(
    both: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(both)
    database = Database(both)
    store, statements = SqlStore(database), []

    def count(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(engine_of(database), "before_cursor_execute", count)
    monkeypatch.setattr(  # what goes past SQLAlchemy
        together, "driver_of", lambda connection: Counted(driver_of(connection), statements)
    )
    taken = []
    for batch in range(3):
        ids = [f"call-{batch}-{number}" for number in range(10**batch)]
        given: list[Event] = []
        for name in ids:
            given += [started(name), leg(2, session_id=name), final(3, "Un.", session_id=name)]
            given += [final(4, "Deux.", "agent-3", name, revision=1)]
        statements.clear()
        await store.append(given)
        taken.append(len(statements))
    assert taken[0] <= 9
    # Of events, utterances and calls (read and written) SQLite takes so many at once, any other
    # all of them.
    most = MOST if database.is_sqlite else 10_000
    more = [sum(ceil(n / most) - 1 for n in (4 * size, size, size, size)) for size in (1, 10, 100)]
    assert taken == [taken[0] + extra for extra in more]
    await database.close()


async def test_kinds_of_both_databases_meet_in_one_transaction(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), gap(2), result(3), leg(4)])
    assert len(await store.gaps("call")) == len(await store.results("call")) == 1
    await store.close()
