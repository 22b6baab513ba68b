"""The tables, as SQLAlchemy Core; migrations/ holds the same as history."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from node.ledger.utc import UtcDateTime

SCHEMA_VERSION = "0011"
"""Revision of migrations/ that this code needs; a test keeps it equal to the head."""

UID = String(64)
"""PS3.5 6.2: a UID has at most 64 characters."""


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

storage = Table(
    "storage",
    metadata,
    # One row: a ledger is the index of one storage folder.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("storage_id", String(32), nullable=False),
    Column("bound_at", UtcDateTime, nullable=False),
)

studies = Table(
    "studies",
    metadata,
    Column("study_instance_uid", UID, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("images", Integer, nullable=False),
    Column("conflicting", Boolean, nullable=False),
    Column("first_received_at", UtcDateTime, nullable=False),
    Column("last_received_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", UtcDateTime),
    Column("outcome", String(16)),
    Column("code", String(32)),
    Column("message", Text),
    Column("owner", String(128)),
    Column("lease_expires_at", UtcDateTime),
    # Who asked last for a result that supersedes the one before: part of what later results derive from.
    Column("reprocessed_by", String(128)),
    Column("reprocessed_at", UtcDateTime),
    Index(None, "state", "last_received_at"),
    # In the order of a page, so that the last changed are found without sorting all that ever came.
    Index(None, "updated_at"),
)

instances = Table(
    "instances",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("series_instance_uid", UID, nullable=False),
    Column("sop_instance_uid", UID, nullable=False),
    Column("sop_class_uid", UID, nullable=False),
    Column("transfer_syntax_uid", UID, nullable=False),
    Column("path", Text, nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("peer", String(255), nullable=False),
    Column("conflicting", Boolean, nullable=False),
    # The bytes are part of the key: an instance that comes again with other bytes is kept beside the first.
    UniqueConstraint("study_instance_uid", "sop_instance_uid", "content_sha256", name="uq_instances_bytes"),
    Index(None, "path"),
    # A number is never given again, also where the last rows were purged: the audit trail counts by it.
    sqlite_autoincrement=True,
)

results = Table(
    "results",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("sop_class_uid", UID, nullable=False),
    Column("sop_instance_uid", UID, nullable=False),
    Column("path", Text, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    UniqueConstraint("sop_instance_uid"),
    Index(None, "study_instance_uid"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("destination", String(64), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("sop_class_uid", UID, nullable=False),
    Column("sop_instance_uid", UID, nullable=False),
    Column("path", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("absences", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("error", Text),
    Column("warning", Text),
    Column("confirmed_by", String(32)),
    UniqueConstraint("sop_instance_uid", "destination"),
    Index(None, "state", "not_before"),
    Index(None, "study_instance_uid"),
)

commitments = Table(
    "commitments",
    metadata,
    Column("transaction_uid", UID, primary_key=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
)

contacts = Table(
    "contacts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("contacted_at", UtcDateTime, nullable=False),
    Column("reached_at", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("parked", Boolean, nullable=False),
    Column("error", Text),
)

assignments = Table(
    "assignments",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), nullable=False),
    Column("role", String(32), nullable=False),
    Column("series_instance_uid", UID, nullable=False),
    Column("series_number", BigInteger),
    Column("sub_volume", Text, nullable=False),
    # One frame names its sub-volume, also when more of its images come later.
    Column("sop_instance_uid", UID, nullable=False),
    Column("frame_number", Integer, nullable=False),
    Column("assigned_by", String(128), nullable=False),
    Column("assigned_at", UtcDateTime, nullable=False),
    Column("withdrawn_by", String(128)),
    Column("withdrawn_at", UtcDateTime),
    Index(None, "study_instance_uid"),
)

events = Table(
    "events",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_instance_uid", UID, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "study_instance_uid"),
)

notices = Table(
    "notices",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    # Empty until it was sent; the row goes when its condition does.
    Column("told_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    UniqueConstraint("kind", "subject", "channel"),
)
