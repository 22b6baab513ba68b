"""Alembic runs this; `node.ledger.connection.upgrade` hands it an open connection."""

from alembic import context

from node.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
