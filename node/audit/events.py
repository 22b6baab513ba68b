"""What is audited, in the words of PS3.15 A.5: UIDs, AE titles, a Patient ID; never a name or a birth date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any


class EventId(Enum):
    """CID 400 as (code, meaning)."""

    APPLICATION_ACTIVITY = ("110100", "Application Activity")
    LOG_USED = ("110101", "Audit Log Used")
    INSTANCES_ACCESSED = ("110103", "DICOM Instances Accessed")
    INSTANCES_TRANSFERRED = ("110104", "DICOM Instances Transferred")
    EXPORT = ("110106", "Export")
    STUDY_DELETED = ("110105", "DICOM Study Deleted")
    PATIENT_RECORD = ("110110", "Patient Record")
    SECURITY_ALERT = ("110113", "Security Alert")


class EventType(Enum):
    """CID 401 and CID 403 as (code, meaning)."""

    START = ("110120", "Application Start")
    STOP = ("110121", "Application Stop")
    NODE_AUTHENTICATION = ("110126", "Node Authentication")
    SOFTWARE_CONFIGURATION = ("110131", "Software Configuration")


class Action(StrEnum):
    """EventActionCode."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class Outcome(StrEnum):
    """EventOutcomeIndicator."""

    SUCCESS = "0"
    MINOR_FAILURE = "4"


class Role(Enum):
    """CID 402 as (code, meaning)."""

    APPLICATION = ("110150", "Application")
    SOURCE = ("110153", "Source Role ID")
    DESTINATION = ("110152", "Destination Role ID")
    DESTINATION_MEDIA = ("110154", "Destination Media")


@dataclass(frozen=True)
class Participant:
    """One side of an event.

    Parameters
    ----------
    user_id
        AE title, process or login name.
    host
        Its address; empty where it has none.
    is_requestor
        Whether the event was its doing.
    """

    user_id: str
    role: Role | None = None
    host: str = ""
    is_requestor: bool = False


@dataclass(frozen=True)
class AuditEvent:
    """One thing that happened.

    Parameters
    ----------
    at
        Aware.
    study_instance_uid
        Empty where it is about no study.
    patient_id
        Whose study it is, as its images say; empty where they do not, or are not there any more.
    log_uri
        Of the audit log that was read; empty where the event is no reading of one.
    instances
        Number of instances; 0 where it is about none.
    detail
        One sentence for people.
    """

    event: EventId
    at: datetime
    action: Action
    participants: tuple[Participant, ...]
    type: EventType | None = None
    outcome: Outcome = Outcome.SUCCESS
    study_instance_uid: str = ""
    instances: int = 0
    detail: str = ""
    patient_id: str = ""
    log_uri: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the event as the trail keeps it."""
        return {
            "event": self.event.name,
            "type": None if self.type is None else self.type.name,
            "at": self.at.isoformat(timespec="milliseconds"),
            "action": self.action.value,
            "outcome": self.outcome.value,
            "participants": [
                {
                    "user_id": item.user_id,
                    "role": None if item.role is None else item.role.name,
                    "host": item.host,
                    "is_requestor": item.is_requestor,
                }
                for item in self.participants
            ],
            "study_instance_uid": self.study_instance_uid,
            "instances": self.instances,
            "detail": self.detail,
            "patient_id": self.patient_id,
            **({"log_uri": self.log_uri} if self.log_uri else {}),
        }


def event_from_json(document: Mapping[str, Any]) -> AuditEvent:
    """Return what `AuditEvent.to_json` was made from; other keys are ignored."""
    return AuditEvent(
        EventId[document["event"]],
        datetime.fromisoformat(document["at"]),
        Action(document["action"]),
        tuple(
            Participant(item["user_id"], item["role"] and Role[item["role"]], item["host"], item["is_requestor"])
            for item in document["participants"]
        ),
        document["type"] and EventType[document["type"]],
        Outcome(document["outcome"]),
        document["study_instance_uid"],
        document["instances"],
        document["detail"],
        document.get("patient_id", ""),  # Lines of earlier versions lack it.
        document.get("log_uri", ""),
    )
