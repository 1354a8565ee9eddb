"""Events on their way into the tables."""

from __future__ import annotations

from math import ceil

import pytest
from sqlalchemy import URL, event

from callscribe.events import Event
from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.sql import SqlStore
from callscribe.store.together import MOST
from tests.happenings import final, gap, leg, result, started

pytestmark = pytest.mark.anyio


async def test_a_batch_takes_hardly_more_statements_the_larger_it_is(both: URL) -> None:
    await migrate(both)
    database = Database(both)
    store, statements = SqlStore(database), []

    def count(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    engine = database._beside.engine if database._beside else database._writer.sync_engine
    event.listen(engine, "before_cursor_execute", count)
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
    # Of events, utterances and calls SQLite takes so many at once, any other all of them.
    most = MOST if database.is_sqlite else 10_000
    more = [sum(ceil(n / most) - 1 for n in (4 * size, size, size)) for size in (1, 10, 100)]
    assert taken == [taken[0] + extra for extra in more]
    await database.close()


async def test_kinds_of_both_databases_meet_in_one_transaction(both: URL) -> None:
    await migrate(both)
    store = SqlStore(Database(both))
    await store.append([started(), gap(2), result(3), leg(4)])
    assert len(await store.gaps("call")) == len(await store.results("call")) == 1
    await store.close()
