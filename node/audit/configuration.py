"""Who changes the configuration by a verb: the models in force, and the peers (PS3.15 A.5.3)."""

from datetime import datetime

from node.audit.events import Action, AuditEvent, EventId, EventType, Participant, Role
from node.audit.trail import Trail


def record_change(trail: Trail, ae_title: str, user: str, at: datetime, detail: str) -> None:
    """Write that a person changed how the node is set up.

    Parameters
    ----------
    ae_title
        Our own.
    user
        Login name.
    at
        Aware.
    detail
        What was changed, in words.

    Raises
    ------
    AuditTrailError
        The trail cannot be written, or its last line is damaged.

    References
    ----------
    .. [1] PS3.15 A.5.3, Security Alert, of type Software Configuration.
    """
    people = (Participant(user, is_requestor=True), Participant(ae_title, Role.APPLICATION))
    kind = EventType.SOFTWARE_CONFIGURATION
    trail.append(AuditEvent(EventId.SECURITY_ALERT, at, Action.UPDATE, people, kind, detail=detail))
