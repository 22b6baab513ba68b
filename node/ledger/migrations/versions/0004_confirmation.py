"""How objects are confirmed, what peers remarked, and how the peers themselves were reached."""

import sqlalchemy as sa
from alembic import op

from node.ledger.utc import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("outbox", sa.Column("absences", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("warning", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("confirmed_by", sa.String(length=32), nullable=True))
    op.create_table(
        "contacts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("contacted_at", UtcDateTime(), nullable=False),
        sa.Column("reached_at", UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_contacts")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("contacts")
    for name in ("confirmed_by", "warning", "absences"):
        op.drop_column("outbox", name)
