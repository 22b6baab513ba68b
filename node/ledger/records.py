"""Instances, studies and their results, as they go into the ledger and come out. UIDs, never patient data."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from node.states import StudyState

ANALYSED_SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.3",  # Enhanced MR Color Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)
"""PS3.4 B.5. Only these open or re-open a study: a SEG or SR that a PACS forwards back to us is context."""


@dataclass(frozen=True)
class InstanceRecord:
    """One instance that lies in the inbox.

    Parameters
    ----------
    path
        Relative to the storage folder, with forward slashes.
    content_sha256
        Over the bytes of the data set as received, hexadecimal.
    size_bytes
        Of the file.
    received_at
        UTC.
    calling_ae_title
        Of the sender.
    peer
        Host of the sender.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    path: str
    content_sha256: str
    size_bytes: int
    received_at: datetime
    calling_ae_title: str
    peer: str


class Recorded(StrEnum):
    """What `Ledger.record_instance` found."""

    NEW = "new"
    """Not seen before."""
    DUPLICATE = "duplicate"
    """Same SOP Instance UID, same bytes."""
    CONFLICT = "conflict"
    """Same SOP Instance UID, other bytes: kept beside the first, not analysed, the study is marked."""


@dataclass(frozen=True)
class StudyRecord:
    """One study and where it stands.

    Parameters
    ----------
    generation
        Raised by each new image; work on an older generation is discarded.
    images
        Number of instances that can be analysed.
    conflicting
        An instance came twice with different bytes.
    attempts
        Of the analysis, since the last generation.
    not_before
        Next attempt, where the study waits for one.
    outcome
        ``analysed`` or ``refused``, of the last result.
    code, message
        Of the last refusal or failure; the message also says which object a peer refused.
    owner, lease_expires_at
        Of the worker that holds the study.
    reprocessed_by, reprocessed_at
        Who asked last for a result that supersedes the one before, and when; None where nobody did.
    """

    study_instance_uid: str
    state: StudyState
    generation: int
    images: int
    conflicting: bool
    first_received_at: datetime
    last_received_at: datetime
    updated_at: datetime
    attempts: int
    not_before: datetime | None
    outcome: str | None
    code: str | None
    message: str | None
    owner: str | None
    lease_expires_at: datetime | None
    reprocessed_by: str | None
    reprocessed_at: datetime | None


@dataclass(frozen=True)
class Claim:
    """The right of one worker to analyse one generation of one study until `expires_at`."""

    study_instance_uid: str
    generation: int
    attempt: int
    owner: str
    expires_at: datetime


class ObjectKind(StrEnum):
    """Kinds of result objects, in the order in which they are sent."""

    SEG = "seg"
    SR = "sr"
    SUMMARY = "summary"


@dataclass(frozen=True)
class ResultObject:
    """One DICOM object that an analysis wrote.

    Parameters
    ----------
    path
        Relative to the storage folder, with forward slashes.
    """

    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    path: str


@dataclass(frozen=True)
class StudyEvent:
    """One line of a study's history."""

    study_instance_uid: str
    at: datetime
    event: str
    detail: str
