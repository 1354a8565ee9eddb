"""Legs get their encoding and model; of those that are there already these are not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the columns."""
    for name in ("encoding", "model"):
        op.add_column("legs", sa.Column(name, sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drops the columns, and with them what was known."""
    for name in ("encoding", "model"):
        op.drop_column("legs", name)
