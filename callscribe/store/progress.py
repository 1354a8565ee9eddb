"""How far agents are, and what they could not handle. May import ``schema``, ``writing``, base.

A cursor or a letter is kept only with its call: a new call of the same name must not begin where
an agent was with the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, delete, func, literal, select

from callscribe.store.base import DeadLetter
from callscribe.store.schema import agent_cursors, calls, dead_letters
from callscribe.store.writing import inserting


def read_cursor(connection: Connection, agent: str, session_id: str) -> int:
    """The number of the last event that an agent has done with; 0 at first."""
    found = connection.scalar(
        select(agent_cursors.c.seq).where(
            agent_cursors.c.agent == agent, agent_cursors.c.session_id == session_id
        )
    )
    return found or 0


def advance_all(connection: Connection, done: Mapping[tuple[str, str], int]) -> set[str]:
    """Moves cursors on, never back; gives the sessions that are not there."""
    asked = {session_id for _, session_id in done}
    there = set(
        connection.scalars(
            select(calls.c.session_id)
            .where(calls.c.session_id.in_(asked))
            .order_by(calls.c.session_id)  # as who appends: two writers do not entangle
            .with_for_update(read=True)
        )
    )
    rows = [
        {"session_id": session_id, "agent": agent, "seq": seq}
        for (agent, session_id), seq in sorted(done.items())
        if session_id in there
    ]
    if rows:
        insert = inserting(connection.dialect.name, agent_cursors)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["session_id", "agent"],
                set_={"seq": insert.excluded.seq},
                where=agent_cursors.c.seq < insert.excluded.seq,
            ),
            rows,
        )
    return asked - there


def read_behind(connection: Connection, agent: str) -> list[str]:
    """The sessions with finals above the agent's cursor, the oldest first."""
    mine = agent_cursors.c.session_id == calls.c.session_id, agent_cursors.c.agent == agent
    done = select(agent_cursors.c.seq).where(*mine).scalar_subquery()
    found = connection.scalars(
        select(calls.c.session_id)
        .where(calls.c.last_final > func.coalesce(done, 0))
        .order_by(calls.c.started_at, calls.c.session_id)
    )
    return list(found.all())


def bury(connection: Connection, letter: DeadLetter) -> None:
    """Keeps a dead letter; one with the same id is replaced."""
    insert = inserting(connection.dialect.name, dead_letters)
    values = asdict(letter)
    columns = [literal(value, dead_letters.c[name].type) for name, value in values.items()]
    there = select(*columns).where(calls.c.session_id == letter.session_id)
    connection.execute(
        insert.from_select(list(values), there.with_for_update(read=True)).on_conflict_do_update(
            index_elements=["letter_id"],
            set_={name: insert.excluded[name] for name in values if name != "letter_id"},
        )
    )


def read_letters(connection: Connection, agent: str, letter_id: str) -> list[DeadLetter]:
    """The dead letters, the oldest first; only an agent's, only one, where that is given."""
    query = select(dead_letters).order_by(dead_letters.c.at, dead_letters.c.letter_id)
    if agent:
        query = query.where(dead_letters.c.agent == agent)
    if letter_id:
        query = query.where(dead_letters.c.letter_id == letter_id)
    found = connection.execute(query)
    return [DeadLetter(**row) for row in found.mappings()]


def drop_letter(connection: Connection, letter_id: str) -> bool:
    """Forgets a dead letter; false when there was none."""
    found = connection.execute(delete(dead_letters).where(dead_letters.c.letter_id == letter_id))
    return bool(found.rowcount)
