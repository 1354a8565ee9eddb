"""Utterances tell whether their words are unsure; of older ones it is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column."""
    op.add_column(
        "utterances", sa.Column("unsure", sa.Boolean, nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Drops the column, and with it what was known."""
    op.drop_column("utterances", "unsure")
