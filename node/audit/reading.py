"""Who reads the audit trail is in it too (PS3.15 A.5.3.2)."""

from datetime import datetime

from node.audit.events import Action, AuditEvent, EventId, Participant
from node.audit.trail import Trail


def record_reading(trail: Trail, user: str, at: datetime) -> None:
    """Write that a person reads the trail; a trail that holds nothing stays so.

    Parameters
    ----------
    user
        Login name.
    at
        Aware.

    Raises
    ------
    AuditTrailError
        The trail cannot be written, or its last line is damaged.

    References
    ----------
    .. [1] PS3.15 A.5.3.2, Audit Log Used.
    """
    if not trail.size():
        return
    reader = (Participant(user, is_requestor=True),)
    uri = trail.path.absolute().as_uri()
    trail.append(AuditEvent(EventId.LOG_USED, at, Action.READ, reader, detail="read", log_uri=uri))
