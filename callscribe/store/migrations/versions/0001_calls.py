"""The first tables: calls, legs, events, utterances with their search, agents' progress."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SQLITE_SEARCH = (
    # The words are folded before they come here; each non-ASCII sign is a letter.
    """CREATE VIRTUAL TABLE utterances_search USING fts5(
        folded, content='utterances', content_rowid='id',
        tokenize='ascii', detail='none', columnsize=0)""",
    """CREATE TRIGGER utterances_said AFTER INSERT ON utterances BEGIN
        INSERT INTO utterances_search (rowid, folded) VALUES (new.id, new.folded);
    END""",
    """CREATE TRIGGER utterances_gone AFTER DELETE ON utterances BEGIN
        INSERT INTO utterances_search (utterances_search, rowid, folded)
        VALUES ('delete', old.id, old.folded);
    END""",
    """CREATE TRIGGER utterances_changed AFTER UPDATE OF folded ON utterances BEGIN
        INSERT INTO utterances_search (utterances_search, rowid, folded)
        VALUES ('delete', old.id, old.folded);
        INSERT INTO utterances_search (rowid, folded) VALUES (new.id, new.folded);
    END""",
)

_POSTGRES_SEARCH = """CREATE INDEX ix_utterances_search ON utterances
    USING gin (array_to_tsvector(string_to_array(folded, ' ')))"""


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "calls",
        _text("session_id", key=True),
        _text("state"),
        _seconds("started_at"),
        sa.Column("ended_at", sa.Double),
        _seconds("last_at"),
        _number("last_seq"),
        _number("last_final"),
        _text("engine"),
        _text("config"),
    )
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    op.create_table(
        "legs",
        _text("session_id", key=True),
        _number("seq", key=True),
        _text("speaker"),
        _number("sample_rate"),
        _text("language"),
        _text("engine"),
        _seconds("offset"),
        sa.Column("seconds", sa.Double),
    )
    op.create_table(
        "events",
        _text("session_id", key=True),
        _number("seq", key=True),
        _text("type"),
        _text("body"),
    )
    _create_utterances()
    op.create_table(
        "revisions",
        _text("session_id", key=True),
        _text("utterance_id", key=True),
        _number("seq", key=True),
    )
    op.create_table(
        "gaps",
        _text("session_id", key=True),
        _number("seq", key=True),
        _text("speaker"),
        _seconds("start"),
        _seconds("end"),
        _text("reason"),
    )
    _create_agents()


def _create_utterances() -> None:
    op.create_table(
        "utterances",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        _text("session_id"),
        _text("utterance_id"),
        _number("seq"),
        _text("speaker"),
        _text("text"),
        _text("folded"),
        _seconds("start"),
        _seconds("end"),
        _text("words"),
        _seconds("confidence"),
        sa.Column("language", sa.Text),
        sa.Column("speech_final", sa.Boolean, nullable=False),
        _number("revision"),
        _text("leak_of"),
        sa.UniqueConstraint("session_id", "utterance_id", name="uq_utterances"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE_SEARCH if sqlite else (_POSTGRES_SEARCH,):
        op.execute(statement)


def _create_agents() -> None:
    op.create_table(
        "agent_results",
        _text("session_id", key=True),
        _text("agent", key=True),
        _text("key_hash", key=True),
        _number("seq"),
        _text("kind"),
        _text("key"),
        _text("utterance_ids"),
        _text("body"),
        _seconds("at"),
    )
    op.create_table(
        "agent_cursors",
        _text("session_id", key=True),
        _text("agent", key=True),
        _number("seq"),
    )
    op.create_table(
        "dead_letters",
        _text("letter_id", key=True),
        _text("agent"),
        _text("session_id"),
        _number("seq"),
        _text("error"),
        _number("attempts"),
        _seconds("at"),
    )


def downgrade() -> None:
    """Drops the tables, and with them all calls."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE utterances_search")
    for name in ("dead_letters", "agent_cursors", "agent_results", "gaps", "revisions"):
        op.drop_table(name)
    for name in ("utterances", "events", "legs", "calls"):
        op.drop_table(name)


def _text(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False, primary_key=key)


def _number(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=False, primary_key=key, autoincrement=False)


def _seconds(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=False)
