"""The tables of laboratory values. Patient IDs are kept, since values wait for studies; names are not."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, false
from sqlalchemy import UniqueConstraint as Unique

from node.ledger.schema import UID, metadata
from node.ledger.utc import UtcDateTime

SERIAL = BigInteger().with_variant(Integer, "sqlite")
PATIENT_ID = String(255)
"""HL7 v2.5.1 CX and FHIR allow more than the 64 characters of DICOM."""
ISSUER = String(255)

messages = Table(
    "lab_messages",
    metadata,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("sender", String(512), nullable=False),
    Column("control_id", String(255), nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("acknowledgement", String(2), nullable=False),
    # What was answered, as JSON: a message that comes again gets the same answer.
    Column("answer", Text, nullable=False),
    # Digest of the rules that judged it: under others, the same message is judged anew.
    Column("rules", String(64), nullable=False, server_default=""),
    Unique("sender", "control_id", "content_sha256"),
)

values = Table(
    "lab_values",
    metadata,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("patient_id", PATIENT_ID, nullable=False),
    Column("issuer", ISSUER, nullable=False),
    Column("analyte", String(64), nullable=False),
    Column("value", Float, nullable=False),
    Column("comparator", String(2), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("original_value", String(64), nullable=False),
    Column("original_unit", String(64), nullable=False),
    Column("collected_at", String(40), nullable=False),
    Column("code", String(64), nullable=False),
    # The result at its sender: a correction has the same.
    Column("result_key", String(255), nullable=False),
    Column("source", String(8), nullable=False),
    Column("sender", String(512), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    # The laboratory corrected or withdrew what it had said, and when: an earlier result that comes late is void.
    Column("correction", Boolean, nullable=False, server_default=false()),
    Column("stated_at", String(40), nullable=False, server_default=""),
    Index(None, "patient_id", "issuer"),
)

withdrawals = Table(
    "lab_withdrawals",
    metadata,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("patient_id", PATIENT_ID, nullable=False),
    Column("issuer", ISSUER, nullable=False),
    Column("analyte", String(64), nullable=False),
    Column("result_key", String(255), nullable=False),
    # Empty: a result of any day.
    Column("collected_at", String(40), nullable=False),
    # With its time: a result of this specimen is meant, also where its key is another.
    Column("specimen_at", String(40), nullable=False),
    Column("stated_at", String(40), nullable=False),
    Column("sender", String(512), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index(None, "patient_id", "issuer"),
)
"""What laboratories took back; it may arrive before the result itself, which is then void."""

refusals = Table(
    "lab_refusals",
    metadata,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("patient_id", PATIENT_ID, nullable=False),
    Column("issuer", ISSUER, nullable=False),
    Column("analyte", String(64), nullable=False),
    Column("code", String(16), nullable=False),
    Column("because", Text, nullable=False),
    Column("source", String(8), nullable=False),
    Column("sender", String(512), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index(None, "patient_id", "issuer"),
)

merges = Table(
    "lab_merges",
    metadata,
    Column("prior_patient_id", PATIENT_ID, primary_key=True),
    Column("prior_issuer", ISSUER, primary_key=True),
    Column("patient_id", PATIENT_ID, nullable=False),
    Column("issuer", ISSUER, nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("merged_at", UtcDateTime, nullable=False),
)

uses = Table(
    "lab_uses",
    metadata,
    Column("study_instance_uid", UID, ForeignKey("studies.study_instance_uid"), primary_key=True),
    Column("patient_id", PATIENT_ID, nullable=False),
    Column("issuer", ISSUER, nullable=False),
    Column("examined_on", String(10), nullable=False),
    # Time of day of the first image, ISO 8601; empty where unknown.
    Column("began_at", String(16), nullable=False, server_default=""),
    # Of the study when it was analysed: another means other images.
    Column("generation", Integer, nullable=False),
    # Number of the value by analyte, as JSON.
    Column("chosen", Text, nullable=False),
    Column("has_risk", Boolean, nullable=False),
    Column("result_at", UtcDateTime),
    # When a value of the patient last changed after the choice; empty: nothing to look at.
    Column("changed_at", UtcDateTime),
    Index(None, "patient_id", "issuer"),
    Index(None, "changed_at"),
)
