"""The tables: calls, what was said in them, and how far the agents are. Imports nothing of ours.

What a database looks like in the end; how it came to look so is in ``migrations``. JSON is kept as
text, so that both databases give back the very same.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

_UNSAFE: Final = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED: Final = re.compile("\x1a([0-9a-f]{4})")


class Chars(TypeDecorator[str]):
    """Text with any characters, also those that PostgreSQL or UTF-8 refuse."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Escapes what cannot be kept."""
        return value and _UNSAFE.sub(lambda found: f"\x1a{ord(found[0]):04x}", value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Gives back what was escaped."""
        if value is None or "\x1a" not in value:
            return value
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)


def to_json(value: object) -> str:
    """Compact JSON of ASCII characters alone: nothing in it can be refused."""
    return json.dumps(value, separators=(",", ":"), default=str)


def from_json(text: str) -> Any:  # noqa: ANN401 - JSON
    """What ``to_json`` was given."""
    return json.loads(text)


metadata: Final = MetaData()


def _text(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, Chars, nullable=False, primary_key=primary_key)


def _number(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=False, primary_key=primary_key, autoincrement=False)


def _seconds(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


calls: Final = Table(
    "calls",
    metadata,
    _text("session_id", primary_key=True),
    _text("state"),
    _seconds("started_at"),
    Column("ended_at", Double),
    _seconds("last_at"),
    _number("last_seq"),
    _number("last_final"),  # of the last final, or of the end: what an agent may be behind
    _text("engine"),
    Column("config", Text, nullable=False),
    Index("ix_calls_started_at", "started_at"),
)

legs: Final = Table(
    "legs",
    metadata,
    _text("session_id", primary_key=True),
    _number("seq", primary_key=True),
    _text("speaker"),
    _number("sample_rate"),
    _text("language"),
    _text("engine"),
    _seconds("offset"),
    Column("seconds", Double),
    Column("encoding", Chars, nullable=False, server_default=""),  # empty: not known
    Column("model", Chars, nullable=False, server_default=""),
)

events: Final = Table(
    "events",
    metadata,
    _text("session_id", primary_key=True),
    _number("seq", primary_key=True),
    _text("type"),
    Column("body", Text, nullable=False),
)

utterances: Final = Table(
    "utterances",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("session_id"),
    _text("utterance_id"),
    _number("seq"),  # of its latest final
    _text("speaker"),
    _text("text"),
    _text("folded"),  # what is searched in
    _seconds("start"),
    _seconds("end"),
    Column("words", Text, nullable=False),
    _seconds("confidence"),
    Column("language", Chars),
    Column("speech_final", Boolean, nullable=False),
    _number("revision"),
    _text("leak_of"),
    Column("unsure", Boolean, nullable=False, server_default=false()),
    Column("heard_again", Chars, nullable=False, server_default=""),  # by which engine
    UniqueConstraint("session_id", "utterance_id", name="uq_utterances"),
)

revisions: Final = Table(  # where the closed versions of revised utterances are in the events
    "revisions",
    metadata,
    _text("session_id", primary_key=True),
    _text("utterance_id", primary_key=True),
    _number("seq", primary_key=True),
)

gaps: Final = Table(
    "gaps",
    metadata,
    _text("session_id", primary_key=True),
    _number("seq", primary_key=True),
    _text("speaker"),
    _seconds("start"),
    _seconds("end"),
    _text("reason"),
)

agent_results: Final = Table(
    "agent_results",
    metadata,
    _text("session_id", primary_key=True),
    _text("agent", primary_key=True),
    _text("key_hash", primary_key=True),  # keys may be longer than an index takes
    _number("seq"),
    _text("kind"),
    _text("key"),
    Column("utterance_ids", Text, nullable=False),
    Column("body", Text, nullable=False),
    _seconds("at"),
)

agent_cursors: Final = Table(
    "agent_cursors",
    metadata,
    _text("session_id", primary_key=True),
    _text("agent", primary_key=True),
    _number("seq"),
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    _text("letter_id", primary_key=True),
    _text("agent"),
    _text("session_id"),
    _number("seq"),
    _text("error"),
    _number("attempts"),
    _seconds("at"),
)
