"""The storage folder that a ledger is the index of."""

import sqlalchemy as sa
from alembic import op

from node.ledger.utc import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "storage",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("storage_id", sa.String(length=32), nullable=False),
        sa.Column("bound_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_storage")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("storage")
