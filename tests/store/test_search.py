"""How utterances are found."""

from __future__ import annotations

import pytest
from sqlalchemy import URL, Connection, select, text

from callscribe.store.database import Database
from callscribe.store.migrating import migrate
from callscribe.store.schema import utterances
from callscribe.store.search import matching
from callscribe.store.sql import SqlStore
from tests.happenings import final, started

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("search", ["", "  ", '"', "*:&|"])
def test_without_words_nothing_is_searched_for(search: str) -> None:
    assert matching(search, sqlite=True) is None
    assert matching(search, sqlite=False) is None


@pytest.mark.parametrize("sqlite", [True, False])
def test_the_words_are_parameters(sqlite: bool) -> None:
    condition = matching("oui' OR \"non", sqlite=sqlite)
    assert condition is not None
    compiled = condition.compile()
    assert "oui" not in str(compiled)
    quoted = '"oui" * AND "or" * AND "non" *' if sqlite else "'oui':* & 'or':* & 'non':*"
    assert quoted in compiled.params.values()


async def test_an_index_finds_them(both: URL) -> None:
    await migrate(both)
    database = Database(both)
    await SqlStore(database).append([started(), final(2, "Bonjour.")])
    condition = matching("bon", sqlite=database.is_sqlite)
    assert condition is not None

    def plan(connection: Connection) -> str:
        if not database.is_sqlite:  # so small a table is read whole otherwise
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = select(utterances.c.text).where(condition)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + str(compiled)))

    told = await database.read(plan)
    assert ("VIRTUAL TABLE INDEX" if database.is_sqlite else "ix_utterances_search") in told
    await database.close()
