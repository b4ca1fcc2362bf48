"""Alembic's entry: runs on the connection that ``assistant.schema`` hands in."""

from alembic import context

from assistant.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=True,  # unless the connection is in a transaction already, as SQLite's is
)
with context.begin_transaction():
    context.run_migrations()
