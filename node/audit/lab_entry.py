"""Who enters laboratory values by hand, and of whom: they change the risk that is reported."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from node.audit.events import Action, AuditEvent, EventId, Participant, Role
from node.audit.trail import Trail
from node.ledger.lab_records import PatientResults


def record_lab_entry(
    trail: Trail, ae_title: str, user: str, clock: Callable[[], datetime], results: Sequence[PatientResults]
) -> None:
    """Write one event a patient: a person changes what is known of him (PS3.15 A.5.3.11, Patient Record).

    Parameters
    ----------
    ae_title
        Our own.
    user
        Login name.
    clock
        Time of day, aware.
    results
        What is entered next.

    Raises
    ------
    AuditTrailError
        The trail cannot be written, or its last line is damaged.
    """
    people = (Participant(user, is_requestor=True), Participant(ae_title, Role.APPLICATION))
    values: Counter[str] = Counter()
    for item in results:
        values[item.patient.patient_id] += len(item.accepted)
    for patient_id, number in values.items():
        detail = f"laboratory values entered by hand: {number}"
        event = AuditEvent(
            EventId.PATIENT_RECORD, clock(), Action.UPDATE, people, detail=detail, patient_id=patient_id
        )
        trail.append(event)
