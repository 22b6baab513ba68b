"""An index in the order in which studies are listed."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_studies_updated_at", "studies", ["updated_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_studies_updated_at", "studies")
