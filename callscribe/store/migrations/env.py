"""What Alembic runs: the migrations, on the connection that ``store.migrating`` hands in."""

from __future__ import annotations

from alembic import context

from callscribe.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's too: a migration happens whole or not at all
)
with context.begin_transaction():
    context.run_migrations()
