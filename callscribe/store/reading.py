"""Calls, texts and results on their way out of the tables.

Everything here runs in a transaction of its caller: for SQLite in a thread, for PostgreSQL in what
SQLAlchemy makes of the event loop for code that does not await.
May import ``schema``, ``search``, ``store.base`` and core.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, union
from sqlalchemy.util import await_only

from callscribe.coverage import Coverage
from callscribe.store.base import Match, StoredCall, StoredLeg, StoredResult
from callscribe.store.schema import (
    agent_results,
    calls,
    events,
    from_json,
    gaps,
    legs,
    revisions,
    utterances,
)
from callscribe.store.search import matching
from callscribe.transcript import Gap, Utterance, Word

Said = TypeVar("Said")

MATCHES: Final = 20
"""Utterances that are named for each call in which something was found, the first ones."""

ON_THE_LOOP: Final = 100
"""Rows of JSON that may be read on the event loop; more are read in a thread."""

_HEARD_HERE: Final = utterances.c.leak_of == ""
"""Speech of another leg that was heard here too is no part of what was said."""


def read_events(
    connection: Connection, session_id: str, since: int, limit: int | None
) -> list[dict[str, Any]]:
    """The events of a session numbered above ``since``."""
    found = connection.scalars(
        select(events.c.body)
        .where(events.c.session_id == session_id, events.c.seq > since)
        .order_by(events.c.seq)
        .limit(limit)
    )
    return _each(connection, from_json, found.all())


def read_calls(
    connection: Connection, condition: ColumnElement[bool], search: str, limit: int
) -> list[StoredCall]:
    """The latest calls that satisfy a condition and hold what is searched for."""
    query = select(calls).where(condition)
    found = matching(search, sqlite=connection.dialect.name == "sqlite")
    if found is not None:
        query = query.where(
            calls.c.session_id.in_(select(utterances.c.session_id).where(found, _HEARD_HERE))
        )
    query = query.order_by(calls.c.started_at.desc(), calls.c.session_id.desc()).limit(limit)
    rows = connection.execute(query).mappings().all()
    ids = [row["session_id"] for row in rows]
    if not ids:
        return []
    their_legs = _legs(connection, ids)
    sizes = _sizes(connection, ids)
    missed = _missed(connection, ids)
    matches = _matches(connection, ids, found)
    return [
        StoredCall(
            **{key: row[key] for key in _PLAIN},
            config=from_json(row["config"]),
            utterances=sizes.get(row["session_id"], (0, 0.0))[0],
            duration=max(
                [
                    sizes.get(row["session_id"], (0, 0.0))[1],
                    *(gap.end for gap in missed[row["session_id"]]),
                ]
            ),
            coverage=_coverage(their_legs[row["session_id"]], missed[row["session_id"]]),
            legs=tuple(their_legs[row["session_id"]]),
            matches=tuple(matches[row["session_id"]]),
        )
        for row in rows
    ]


_PLAIN: Final = ("session_id", "state", "started_at", "ended_at", "last_at", "last_seq", "engine")


def read_transcript(connection: Connection, session_id: str) -> tuple[list[Utterance], list[Gap]]:
    """What was said, and what nobody heard, in order."""
    return read_utterances(connection, session_id), read_gaps(connection, session_id)


def read_utterances(connection: Connection, session_id: str) -> list[Utterance]:
    """What was said, in order."""
    found = connection.execute(
        select(utterances)
        .where(utterances.c.session_id == session_id, _HEARD_HERE)
        .order_by(utterances.c.start, utterances.c.seq)
    )
    return _each(connection, _utterance, found.mappings().all())


def read_revisions(
    connection: Connection, session_id: str, utterance_id: str
) -> list[dict[str, Any]]:
    """The closed versions of an utterance, under the name that its speaker has now."""
    revised, last = (
        select(table.c.seq).where(
            table.c.session_id == session_id, table.c.utterance_id == utterance_id
        )
        for table in (revisions, utterances)
    )
    places = union(revised, last.where(utterances.c.speech_final))
    found = connection.scalars(
        select(events.c.body)
        .where(events.c.session_id == session_id)
        .where(or_(events.c.seq.in_(places), events.c.type == "roles_swapped"))
        .order_by(events.c.seq)
    )
    versions: list[dict[str, Any]] = []
    for event in _each(connection, from_json, found.all()):
        if event["type"] == "final":
            versions.append(event)
        elif len(event["speakers"]) == 2:
            one, other = event["speakers"]
            names = {one: other, other: one}
            for version in versions:
                version["speaker"] = names.get(version["speaker"], version["speaker"])
    return versions


def read_gaps(connection: Connection, session_id: str) -> list[Gap]:
    """What nobody heard, in order."""
    found = connection.execute(
        select(gaps.c.speaker, gaps.c.start, gaps.c.end, gaps.c.reason, gaps.c.seq)
        .where(gaps.c.session_id == session_id)
        .order_by(gaps.c.start, gaps.c.seq)
    )
    return [Gap(**row) for row in found.mappings()]


def read_results(connection: Connection, session_id: str) -> list[StoredResult]:
    """What the agents found, in order, under the names that the speakers have now."""
    found = connection.execute(
        select(agent_results)
        .where(agent_results.c.session_id == session_id)
        .order_by(agent_results.c.seq)
    )
    results = _each(connection, _result, found.mappings().all())
    if not any("speaker" in result.body for result in results):
        return results
    who = connection.execute(
        select(utterances.c.utterance_id, utterances.c.speaker).where(
            utterances.c.session_id == session_id
        )
    )
    speakers = {row.utterance_id: row.speaker for row in who}
    return [_renamed(result, speakers) for result in results]


def _renamed(result: StoredResult, speakers: Mapping[str, str]) -> StoredResult:
    """A result whose body names who said its utterances, if that was one speaker."""
    said = {speakers[name] for name in result.utterance_ids if name in speakers}
    if "speaker" not in result.body or len(said) != 1:
        return result
    return replace(result, body={**result.body, "speaker": said.pop()})


def asked(states: Sequence[str], before: float | None) -> ColumnElement[bool]:
    """The condition that a call is in one of the states, and begun before a time."""
    condition = and_(True)
    if states:
        condition = and_(condition, calls.c.state.in_(states))
    if before is not None:
        condition = and_(condition, calls.c.started_at < before)
    return condition


def _legs(connection: Connection, ids: Sequence[str]) -> dict[str, list[StoredLeg]]:
    found = connection.execute(select(legs).where(legs.c.session_id.in_(ids)).order_by(legs.c.seq))
    by_call = defaultdict(list)
    for row in found.mappings():
        fields = {name: row[name] for name in StoredLeg.__dataclass_fields__}
        by_call[row["session_id"]].append(StoredLeg(**fields))
    return by_call


def _sizes(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, float]]:
    found = connection.execute(
        select(utterances.c.session_id, func.count(), func.max(utterances.c.end))
        .where(utterances.c.session_id.in_(ids), _HEARD_HERE)
        .group_by(utterances.c.session_id)
    )
    return {session_id: (count, end) for session_id, count, end in found}


def _missed(connection: Connection, ids: Sequence[str]) -> dict[str, list[Gap]]:
    columns = (gaps.c.speaker, gaps.c.start, gaps.c.end, gaps.c.reason, gaps.c.seq)
    by_call: dict[str, list[Gap]] = defaultdict(list)
    found = connection.execute(
        select(gaps.c.session_id, *columns).where(gaps.c.session_id.in_(ids))
    )
    for session_id, *fields in found:
        by_call[session_id].append(Gap(*fields))
    return by_call


def _coverage(legs: Sequence[StoredLeg], missed: Sequence[Gap]) -> float:
    """In percent; of a leg that goes on, what came behind its last gap is not known here."""
    coverage = Coverage()
    speakers = {leg.speaker for leg in legs} | {gap.speaker for gap in missed}
    lines = {speaker: number for number, speaker in enumerate(speakers)}
    for leg in legs:
        coverage.begin(lines[leg.speaker], leg.offset)
        coverage.end(lines[leg.speaker], leg.seconds or 0.0)
    for gap in missed:
        coverage.reach(lines[gap.speaker], gap.end)
        coverage.miss(gap.seq, lines[gap.speaker], gap.start, gap.end)
    return coverage.percent


def _matches(
    connection: Connection, ids: Sequence[str], found: ColumnElement[bool] | None
) -> dict[str, list[Match]]:
    by_call: dict[str, list[Match]] = defaultdict(list)
    if found is None:
        return by_call
    names = ("session_id", "utterance_id", "speaker", "start", "text")
    place = func.row_number().over(
        partition_by=utterances.c.session_id, order_by=(utterances.c.start, utterances.c.seq)
    )
    all_of_them: Select[Any] = select(*(utterances.c[n] for n in names), place.label("place"))
    numbered = all_of_them.where(utterances.c.session_id.in_(ids), found, _HEARD_HERE).subquery()
    first = select(numbered).where(numbered.c.place <= MATCHES).order_by(numbered.c.place)
    for row in connection.execute(first).mappings():
        by_call[row["session_id"]].append(Match(**{name: row[name] for name in names[1:]}))
    return by_call


def _each(connection: Connection, make: Callable[[Any], Said], rows: Sequence[Any]) -> list[Said]:
    """Reads rows; many of them never on the event loop, so that it goes on."""
    if len(rows) <= ON_THE_LOOP or not connection.dialect.is_async:
        return [make(row) for row in rows]
    found: list[Said] = await_only(asyncio.to_thread(lambda: [make(row) for row in rows]))
    return found


def _utterance(row: RowMapping) -> Utterance:
    return Utterance(
        utterance_id=row["utterance_id"],
        speaker=row["speaker"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
        words=tuple(Word(**word) for word in from_json(row["words"])),
        confidence=row["confidence"],
        language=row["language"],
        unsure=row["unsure"],
        heard_again=row["heard_again"],
    )


def _result(row: RowMapping) -> StoredResult:
    return StoredResult(
        agent=row["agent"],
        kind=row["kind"],
        key=row["key"],
        utterance_ids=tuple(from_json(row["utterance_ids"])),
        body=from_json(row["body"]),
        at=row["at"],
    )
