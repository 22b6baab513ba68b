"""When the laboratory said what it says of a value, and whether that corrects or withdraws what it said before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("lab_values", sa.Column("correction", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("lab_values", sa.Column("stated_at", sa.String(length=40), nullable=False, server_default=""))


def downgrade() -> None:
    """Take back."""
    op.drop_column("lab_values", "stated_at")
    op.drop_column("lab_values", "correction")
