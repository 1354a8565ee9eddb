"""Which utterances hold the words that are searched for. May import ``schema`` and ``folding``.

What is typed is data: only its words, letters and digits, reach a query, each in quotes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from callscribe.store.folding import words
from callscribe.store.schema import utterances

INDEX = table("utterances_search", column("rowid", BigInteger))
"""SQLite's full text index, kept by triggers on ``utterances``."""


def matching(search: str, *, sqlite: bool) -> ColumnElement[bool] | None:
    """The condition that an utterance holds every word, or one that begins with it.

    None when nothing is searched for: no letter or digit is in it.
    """
    wanted = words(search)
    if not wanted:
        return None
    return _in_sqlite(wanted) if sqlite else _in_postgres(wanted)


def _in_sqlite(wanted: Sequence[str]) -> ColumnElement[bool]:
    query = " AND ".join(f'"{word}" *' for word in wanted)
    found = text("utterances_search MATCH :query").bindparams(bindparam("query", query, Text))
    return utterances.c.id.in_(select(INDEX.c.rowid).where(found))


def _in_postgres(wanted: Sequence[str]) -> ColumnElement[bool]:
    # The words as they are, without a parser's or a dictionary's opinion of them.
    query = " & ".join(f"'{word}':*" for word in wanted)
    kept = func.array_to_tsvector(func.string_to_array(utterances.c.folded, text("' '")))
    return kept.op("@@", is_comparison=True)(cast(literal(query), TSQUERY))
