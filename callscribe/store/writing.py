"""Events and calls on their way into the tables. May import ``projection``, ``schema``, ``events``.

Everything here runs in a transaction of its caller. Rows go in as few statements as there are
tables, however many they are; into SQLite, so many at a time (see ``together``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    Connection,
    Executable,
    Insert,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from callscribe.events import Event, RolesSwapped, SessionStarted
from callscribe.store.projection import Changes, project
from callscribe.store.rows import CallRow, Prepared, Row, prepare
from callscribe.store.schema import (
    agent_results,
    calls,
    events,
    gaps,
    legs,
    metadata,
    revisions,
    utterances,
)
from callscribe.store.together import Among, Together

Statement = Executable | Together

AnyInsert = sqlite.Insert | postgresql.Insert
"""Both know ``on_conflict_…`` by the same words."""


def inserting(dialect: str, table: Table) -> AnyInsert:
    """An INSERT of a dialect."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def prepare_and_append(connection: Connection, given: Sequence[Event]) -> None:
    """The same with what was not prepared yet."""
    append(connection, prepare(given))


def append(connection: Connection, given: Sequence[Prepared]) -> None:
    """Keeps what is new, and nothing of calls that are not there."""
    _begin_calls(connection, given)
    known_calls = _locked(connection, sorted({p.event.session_id for p in given}))
    known = _known(connection, known_calls, given)
    new = [
        p
        for p in given
        if p.event.session_id in known_calls and (p.event.session_id, p.event.seq) not in known
    ]
    if not new:
        return
    _many(connection, _statements(connection.dialect.name).keep, [_event_row(p) for p in new])
    for changes in project(new, known_calls):
        _write(connection, changes)
    touched = {p.event.session_id for p in new}
    _many(
        connection,
        _statements(connection.dialect.name).bring_up_to_date,
        [
            {**row.to_row(), "of_session": session_id}
            for session_id, row in known_calls.items()
            if session_id in touched
        ],
    )


def remove(connection: Connection, session_id: str) -> bool:
    """Forgets a call; false when there was none."""
    # The call first: whoever is adding to it is waited for, and finds it gone afterwards.
    found = connection.execute(delete(calls).where(calls.c.session_id == session_id))
    if not found.rowcount:
        return False
    for table in metadata.sorted_tables:
        connection.execute(delete(table).where(table.c.session_id == session_id))
    return True


def _event_row(prepared: Prepared) -> Row:
    event = prepared.event
    return {
        "session_id": event.session_id,
        "seq": event.seq,
        "type": event.type,
        "body": prepared.body,
    }


def _begin_calls(connection: Connection, given: Sequence[Prepared]) -> None:
    begun: dict[str, Row] = {}
    for prepared in given:
        if isinstance(prepared.event, SessionStarted):
            begun.setdefault(prepared.event.session_id, CallRow.begun(prepared.event).to_row())
    _many(connection, _statements(connection.dialect.name).begin, list(begun.values()))


def _locked(connection: Connection, session_ids: Sequence[str]) -> dict[str, CallRow]:
    """The calls that are there; nobody else changes them before the end of the transaction."""
    if connection.dialect.name == "sqlite":  # where a transaction that writes is alone anyway
        return {row[0]: CallRow(*row) for row in _THERE.execute(connection, session_ids)}
    found = connection.execute(_LOCK, {"ids": list(session_ids)})
    return {row[0]: CallRow(*row) for row in found}


_COLUMNS = [calls.c[name] for name in CallRow.__slots__]
_LOCK = (
    select(*_COLUMNS)
    .where(calls.c.session_id.in_(bindparam("ids", expanding=True)))
    .order_by(calls.c.session_id)  # always in the same order: two writers do not entangle
    .with_for_update()
)
_THERE = Among(calls.c.session_id, _COLUMNS)


def _known(
    connection: Connection, known_calls: Mapping[str, CallRow], given: Sequence[Prepared]
) -> set[tuple[str, int]]:
    """Which of the events are kept already."""
    old = [
        p.event
        for p in given
        if p.event.session_id in known_calls
        and p.event.seq <= known_calls[p.event.session_id].last_seq
    ]
    if not old:
        return set()
    found = connection.execute(
        select(events.c.session_id, events.c.seq).where(
            events.c.session_id.in_({event.session_id for event in old}),
            events.c.seq.between(min(e.seq for e in old), max(e.seq for e in old)),
        )
    )
    return {(session_id, seq) for session_id, seq in found}


def _write(connection: Connection, changes: Changes) -> None:
    to = _statements(connection.dialect.name)
    _many(connection, to.begin_leg, changes.legs)
    _many(connection, to.end_leg, changes.leg_ends)
    _many(connection, to.keep_former, changes.revised)
    _many(connection, to.keep_revision, changes.revisions)
    _many(connection, to.say, list(changes.utterances.values()))
    gone = [
        {"of_session": row["session_id"], "of_utterance": row["utterance_id"], "until": row["seq"]}
        for row in changes.taken_back.values()
    ]
    _many(connection, to.take_back, gone)
    _many(connection, to.miss, changes.gaps)
    _many(connection, to.close_gap, changes.repaired)
    _many(connection, to.find, changes.results)
    if changes.swap is not None:
        _exchange_names(connection, changes.swap)


class _Statements:
    """What is executed again and again: to make it takes longer than to execute it."""

    def __init__(self, dialect: str) -> None:
        insert = partial(inserting, dialect)
        self.begin: Executable = insert(calls).on_conflict_do_nothing()
        self.bring_up_to_date: Statement = update(calls).where(
            calls.c.session_id == bindparam("of_session")
        )
        self.keep: Statement = events.insert()
        self.begin_leg = legs.insert()
        self.end_leg = _end_leg()
        self.keep_former = _keep_former(insert(revisions))
        self.keep_revision: Executable = insert(revisions).on_conflict_do_nothing()
        self.say: Statement = _say(insert(utterances))
        self.take_back = _take_back()
        self.miss = gaps.insert()
        self.close_gap = _close_gap()
        self.find: Executable = insert(agent_results).on_conflict_do_nothing()
        if dialect == "sqlite":  # what every final needs
            self.keep = Together(events.insert(), [c.name for c in events.c])
            said = [c.name for c in utterances.c if c.name != "id"]
            self.say = Together(_say(insert(utterances)), said)
            known = [c.name for c in calls.c]
            self.bring_up_to_date = Together(_replace(insert(calls)), known)


_statements = cache(_Statements)


def _replace(insert: AnyInsert) -> AnyInsert:
    """How calls stand now, which are all there."""
    values = {c.name: insert.excluded[c.name] for c in calls.c if c.name != "session_id"}
    return insert.on_conflict_do_update(index_elements=["session_id"], set_=values)


def _end_leg() -> Executable:
    of_speaker = and_(
        legs.c.session_id == bindparam("of_session"),
        legs.c.speaker == bindparam("of_speaker"),
        legs.c.seq < bindparam("until"),
    )
    latest = select(func.max(legs.c.seq)).where(of_speaker).scalar_subquery()
    ended = legs.c.session_id == bindparam("of_session"), legs.c.seq == latest
    return update(legs).where(*ended).values(seconds=bindparam("heard"))


def _keep_former(insert: AnyInsert) -> Insert:
    """Where the closed version is that is about to be replaced."""
    former = select(utterances.c.session_id, utterances.c.utterance_id, utterances.c.seq).where(
        utterances.c.session_id == bindparam("of_session"),
        utterances.c.utterance_id == bindparam("of_utterance"),
        utterances.c.speech_final,
    )
    return insert.from_select(
        ["session_id", "utterance_id", "seq"], former
    ).on_conflict_do_nothing()


def _say(insert: AnyInsert) -> AnyInsert:
    """A new utterance, or a later version of one."""
    same = {"id", "session_id", "utterance_id"}
    return insert.on_conflict_do_update(
        index_elements=["session_id", "utterance_id"],
        set_={c.name: insert.excluded[c.name] for c in utterances.c if c.name not in same},
        where=utterances.c.seq < insert.excluded.seq,
    )


def _take_back() -> Executable:
    return delete(utterances).where(
        utterances.c.session_id == bindparam("of_session"),
        utterances.c.utterance_id == bindparam("of_utterance"),
        utterances.c.seq < bindparam("until"),
    )


def _close_gap() -> Executable:
    return delete(gaps).where(
        gaps.c.session_id == bindparam("of_session"), gaps.c.seq == bindparam("of_seq")
    )


def _exchange_names(connection: Connection, swap: RolesSwapped) -> None:
    one, other = swap.speakers
    for table in (legs, utterances, gaps):
        speaker = table.c.speaker
        connection.execute(
            update(table)
            .where(table.c.session_id == swap.session_id, speaker.in_([one, other]))
            .where(table.c.seq < swap.seq)
            .values(speaker=case((speaker == one, other), else_=one))
        )


def _many(connection: Connection, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    if isinstance(statement, Together):
        statement.execute(connection, rows)
    else:
        connection.execute(statement, rows)
