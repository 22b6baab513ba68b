"""Laboratory values as the ledger keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from node.labs.observation import AcceptedValue, PatientIdentity, RefusedObservationError
from pipeline.study import Analyte


class LabSource(StrEnum):
    """How a value came in."""

    HL7 = "hl7"
    FHIR = "fhir"
    CSV = "csv"


class LabState(StrEnum):
    """Whether a value may be used."""

    CURRENT = "current"
    REPLACED = "replaced"
    """A correction took its place."""
    WITHDRAWN = "withdrawn"
    """The laboratory took it back."""


@dataclass(frozen=True)
class WithdrawnResult:
    """A result that the laboratory took back: its analyte, and its key and day at the sender.

    Parameters
    ----------
    collected_at
        Empty: of any day.
    stated_at
        As in `Observation`.
    because
        Where its correction cannot be read: why.
    specimen_at
        With its time: a result of this specimen is meant, also where its key is another. Empty: the key decides.
    expected
        Whether the laboratory says that it was sent before; one that cannot be obtained need not have been.
    """

    analyte: Analyte
    key: str
    collected_at: str
    stated_at: str = ""
    because: str = ""
    specimen_at: str = ""
    expected: bool = True


@dataclass(frozen=True)
class PatientResults:
    """What one message or file says of one patient, after the gate.

    Parameters
    ----------
    voided
        Results that it states anew, and of which no value can be read: an earlier one does not count any more.
    reopened
        Results that it says are not final; an earlier final one does not count where this is surely said later.
    """

    patient: PatientIdentity
    message_id: str
    accepted: Sequence[AcceptedValue] = ()
    withdrawn: Sequence[WithdrawnResult] = ()
    refused: Sequence[RefusedObservationError] = ()
    voided: Sequence[WithdrawnResult] = ()
    reopened: Sequence[WithdrawnResult] = ()


@dataclass(frozen=True)
class PatientMerge:
    """Two identities that are one patient; `survivor` is used from now on."""

    prior: PatientIdentity
    survivor: PatientIdentity
    message_id: str


@dataclass(frozen=True)
class LabMessage:
    """One message of one sender: what makes a repeated one known, and what is answered to it.

    Parameters
    ----------
    content_sha256
        Over whatever a sender does not change when it sends a message again.
    rules
        Digest of the rules that judged it; under others the same message is judged anew.
    """

    sender: str
    control_id: str
    content_sha256: str
    acknowledgement: str
    answer: str
    rules: str = ""


@dataclass(frozen=True)
class Entered:
    """How many values were new, took the place of another, were known already, and were withdrawn.

    Parameters
    ----------
    unmatched
        Corrections and withdrawals of what is not known here.
    """

    new: int = 0
    replaced: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    unmatched: int = 0

    def __add__(self, other: "Entered") -> "Entered":
        """Add up."""
        return Entered(
            self.new + other.new,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
            self.withdrawn + other.withdrawn,
            self.unmatched + other.unmatched,
        )


@dataclass(frozen=True)
class Taken:
    """What became of one HL7 message.

    Parameters
    ----------
    due
        What is to be answered: the message, or the same as it came first.
    entered
        What it changed.
    """

    due: LabMessage
    entered: Entered


@dataclass(frozen=True)
class LabValue:
    """One row of values; `collected_at` is ISO 8601 in the time of the laboratory."""

    number: int
    patient_id: str
    issuer: str
    analyte: str
    value: float
    comparator: str
    unit: str
    original_value: str
    original_unit: str
    collected_at: str
    code: str
    source: str
    sender: str
    message_id: str
    received_at: datetime
    state: LabState
    changed_at: datetime


@dataclass(frozen=True)
class LabRefusal:
    """One observation that could not be believed."""

    number: int
    patient_id: str
    issuer: str
    analyte: str
    code: str
    because: str
    source: str
    sender: str
    message_id: str
    received_at: datetime
