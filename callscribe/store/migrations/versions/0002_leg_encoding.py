"""Legs get the encoding of their audio; of those that are there already it is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("legs", sa.Column("encoding", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drops the column, and with it what was known."""
    op.drop_column("legs", "encoding")
