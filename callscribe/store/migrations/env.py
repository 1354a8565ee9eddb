"""What Alembic runs: the migrations, on the connection that ``store.migrating`` hands in."""

from __future__ import annotations

from alembic import context

from callscribe.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
# The connection's transaction is its owner's: all migrations happen, or none.
with context.begin_transaction():
    context.run_migrations()
