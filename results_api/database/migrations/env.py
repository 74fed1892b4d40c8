"""Run by Alembic, on a connection that the caller gives and commits."""

from __future__ import annotations

from alembic import context

from results_api.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
