"""Series that people assigned to roles by hand."""

import sqlalchemy as sa
from alembic import op

from node.ledger.utc import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts INTEGER keys only.


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "assignments",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_number", sa.BigInteger(), nullable=True),
        sa.Column("sub_volume", sa.Text(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("frame_number", sa.Integer(), nullable=False),
        sa.Column("assigned_by", sa.String(length=128), nullable=False),
        sa.Column("assigned_at", UtcDateTime(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=128), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_instance_uid"],
            ["studies.study_instance_uid"],
            name=op.f("fk_assignments_study_instance_uid"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_study_instance_uid"), "assignments", ["study_instance_uid"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("assignments")
