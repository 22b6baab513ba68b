"""Laboratory values: messages, values, refusals, merged patients, and which study used which value."""

import sqlalchemy as sa
from alembic import op

from node.ledger.utc import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts INTEGER keys only.


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lab_messages",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("sender", sa.String(length=512), nullable=False),
        sa.Column("control_id", sa.String(length=255), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("acknowledgement", sa.String(length=2), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lab_messages")),
        sa.UniqueConstraint(
            "sender", "control_id", "content_sha256", name=op.f("uq_lab_messages_sender_control_id_content_sha256")
        ),
    )
    op.create_table(
        "lab_values",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("analyte", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("comparator", sa.String(length=2), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("original_value", sa.String(length=64), nullable=False),
        sa.Column("original_unit", sa.String(length=64), nullable=False),
        sa.Column("collected_at", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("result_key", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("sender", sa.String(length=512), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lab_values")),
    )
    op.create_index(op.f("ix_lab_values_patient_id_issuer"), "lab_values", ["patient_id", "issuer"])
    op.create_table(
        "lab_refusals",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("analyte", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("sender", sa.String(length=512), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lab_refusals")),
    )
    op.create_index(op.f("ix_lab_refusals_patient_id_issuer"), "lab_refusals", ["patient_id", "issuer"])
    op.create_table(
        "lab_merges",
        sa.Column("prior_patient_id", sa.String(length=255), nullable=False),
        sa.Column("prior_issuer", sa.String(length=255), nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("merged_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("prior_patient_id", "prior_issuer", name=op.f("pk_lab_merges")),
    )
    op.create_table(
        "lab_uses",
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("examined_on", sa.String(length=10), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("has_risk", sa.Boolean(), nullable=False),
        sa.Column("result_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_instance_uid"], ["studies.study_instance_uid"], name=op.f("fk_lab_uses_study_instance_uid")
        ),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_lab_uses")),
    )
    op.create_index(op.f("ix_lab_uses_patient_id_issuer"), "lab_uses", ["patient_id", "issuer"])
    op.create_index(op.f("ix_lab_uses_changed_at"), "lab_uses", ["changed_at"])


def downgrade() -> None:
    """Take back."""
    for table in ("lab_uses", "lab_merges", "lab_refusals", "lab_values", "lab_messages"):
        op.drop_table(table)
