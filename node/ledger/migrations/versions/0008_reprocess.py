"""Results that people asked for anew; and numbers of instances that a purge does not give out again."""

import sqlalchemy as sa
from alembic import op

from node.ledger.utc import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("studies", sa.Column("reprocessed_by", sa.String(length=128), nullable=True))
    op.add_column("studies", sa.Column("reprocessed_at", UtcDateTime(), nullable=True))
    _rebuild(sqlite_autoincrement=True)


def downgrade() -> None:
    """Take back."""
    _rebuild(sqlite_autoincrement=False)
    for name in ("reprocessed_at", "reprocessed_by"):
        op.drop_column("studies", name)


def _rebuild(*, sqlite_autoincrement: bool) -> None:
    """Copy the instances into a table that counts on, or not; PostgreSQL always counts on."""
    if op.get_context().dialect.name != "sqlite":
        return
    kwargs = {"sqlite_autoincrement": sqlite_autoincrement}
    with op.batch_alter_table("instances", recreate="always", table_kwargs=kwargs):
        pass
