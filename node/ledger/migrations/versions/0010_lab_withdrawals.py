"""What laboratories took back, the rules that judged a message, and the time of day of the first image."""

import sqlalchemy as sa
from alembic import op

from node.ledger.utc import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts INTEGER keys only.


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lab_withdrawals",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("analyte", sa.String(length=64), nullable=False),
        sa.Column("result_key", sa.String(length=255), nullable=False),
        sa.Column("collected_at", sa.String(length=40), nullable=False),
        sa.Column("specimen_at", sa.String(length=40), nullable=False),
        sa.Column("stated_at", sa.String(length=40), nullable=False),
        sa.Column("sender", sa.String(length=512), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lab_withdrawals")),
    )
    op.create_index(op.f("ix_lab_withdrawals_patient_id_issuer"), "lab_withdrawals", ["patient_id", "issuer"])
    op.add_column("lab_messages", sa.Column("rules", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("lab_uses", sa.Column("began_at", sa.String(length=16), nullable=False, server_default=""))


def downgrade() -> None:
    """Take back."""
    op.drop_column("lab_uses", "began_at")
    op.drop_column("lab_messages", "rules")
    op.drop_table("lab_withdrawals")
