"""Many rows by one statement, on a real SQLite."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.dialects import sqlite

from callscribe.store.rows import prepare
from callscribe.store.schema import calls, metadata, utterances
from callscribe.store.together import MOST, Among, Together, driver_of
from callscribe.store.writing import _statements
from tests.happenings import final


@pytest.fixture
def connection() -> Any:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def row(number: int, **fields: object) -> dict[str, Any]:
    times = {"started_at": number / 3, "ended_at": None, "last_at": 2 / 3}
    texts = {"state": "running", "engine": "", "config": "{}"}
    return {"session_id": f"call-{number:03}", "last_seq": number, "last_final": 0} | {
        **times,
        **texts,
        **fields,
    }


def stored(connection: Connection) -> list[dict[str, Any]]:
    found = connection.execute(select(calls).order_by(calls.c.session_id))
    return [dict(one._mapping) for one in found]


@pytest.mark.parametrize("count", [1, 2, MOST, MOST + 1, 3 * MOST + 5])
def test_rows_are_those_that_an_insert_row_by_row_makes(connection: Connection, count: int) -> None:
    statements: list[str] = []
    driver_of(connection).set_trace_callback(statements.append)
    rows = [row(n, engine="\x00\ud800 é" if n % 2 else "") for n in range(count)]
    Together(calls.insert(), [c.name for c in calls.c]).execute(connection, rows)
    driver_of(connection).set_trace_callback(None)
    assert sum(text.startswith("INSERT") for text in statements) == -(-count // MOST)
    assert stored(connection) == rows


def test_an_utterance_is_replaced_by_later_versions_alone(connection: Connection) -> None:
    say = _statements("sqlite").say
    assert isinstance(say, Together)
    versions = [
        prepare([final(seq, text, "agent-1", speech_final=seq == 9, unsure=seq < 9)])[0].utterance
        for seq, text in ((5, "Un."), (9, "Un deux \x00 \ud800."), (7, "Un deux."))
    ]
    say.execute(connection, [row for row in versions if row is not None])
    found = [dict(one._mapping) for one in connection.execute(select(utterances))]
    assert [(one["seq"], one["text"]) for one in found] == [(9, "Un deux \x00 \ud800.")]
    assert (found[0]["speech_final"], found[0]["unsure"]) == (True, False)


def test_what_is_there_is_replaced_row_by_row(connection: Connection) -> None:
    insert = sqlite.insert(calls)
    replace = insert.on_conflict_do_update(
        index_elements=["session_id"],
        set_={"last_seq": insert.excluded.last_seq},
        where=calls.c.last_seq < insert.excluded.last_seq,
    )
    into = Together(replace, [c.name for c in calls.c])
    into.execute(connection, [row(1), row(2, last_seq=7)])
    into.execute(connection, [row(2, last_seq=5), row(1, last_seq=9), row(3), row(3, last_seq=4)])
    assert [found["last_seq"] for found in stored(connection)] == [9, 7, 4]


@pytest.mark.parametrize("count", [0, 1, MOST, 2 * MOST + 3])
def test_rows_are_found_by_their_keys(connection: Connection, count: int) -> None:
    rows = [row(n, engine="\x00\ud800 é", ended_at=n / 7) for n in range(3 * MOST)]
    rows[0] |= {"session_id": "\x00\ud800", "ended_at": None}
    connection.execute(calls.insert(), rows)
    keys = [one["session_id"] for one in rows[:count]]
    columns = [calls.c[name] for name in rows[0]]
    found = [*Among(calls.c.session_id, columns).execute(connection, [*keys, "nobody's"])]
    assert sorted(found) == [tuple(one.values()) for one in rows[:count]]
