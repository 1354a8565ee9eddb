"""Utterances tell which engine has heard them again; of older ones it is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column."""
    op.add_column(
        "utterances", sa.Column("heard_again", sa.Text, nullable=False, server_default="")
    )


def downgrade() -> None:
    """Drops the column, and with it what was known."""
    op.drop_column("utterances", "heard_again")
