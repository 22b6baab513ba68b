"""Objects on their way to peers, as the ledger keeps them, and how each peer was reached last."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from node.ledger.records import ObjectKind


class DeliveryState(StrEnum):
    """Where one object stands on its way to one peer."""

    WAITING = "waiting"
    """Not sent, or to be sent again after a back-off."""
    STORED = "stored"
    """The peer answered Success; its confirmation is still owed."""
    DELIVERED = "delivered"
    """Confirmed by storage commitment or by a query."""
    UNCONFIRMED = "unconfirmed"
    """The peer answered Success, and can confirm nothing."""
    REFUSED = "refused"
    """The peer refused it for good."""
    SUPERSEDED = "superseded"
    """A later result took its place before it was sent."""


class Confirmation(StrEnum):
    """How a peer confirmed that it has an object."""

    COMMITMENT = "storage-commitment"
    QUERY = "query"


@dataclass(frozen=True)
class Delivery:
    """One row of the outbox: one object, one destination.

    Parameters
    ----------
    attempts
        Failed attempts to send it so far.
    requests
        For storage commitment, taken by the peer since it was last stored.
    absences
        Queries since it was last stored that did not find it.
    refusals
        Times that the peer stored it and then would not keep it.
    not_before
        Waiting: when the next attempt is due. Stored: when its confirmation is asked for, or asked for again.
    error
        Of the last attempt.
    warning
        What the peer remarked when it stored the object (status 0xB000 and its like).
    confirmed_by
        How the peer confirmed it; None where it did not.
    """

    number: int
    study_instance_uid: str
    generation: int
    destination: str
    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: str
    path: str
    state: DeliveryState
    attempts: int
    requests: int
    absences: int
    refusals: int
    not_before: datetime
    error: str | None
    warning: str | None
    confirmed_by: Confirmation | None


@dataclass(frozen=True)
class Contact:
    """How the last attempts to reach a peer ended.

    Parameters
    ----------
    contacted_at
        Last attempt.
    reached_at
        Last that succeeded; None where none did.
    failures
        Attempts in a row that failed.
    not_before
        Nothing is sent to the peer before.
    parked
        The peer refuses this node as such: only people can mend that.
    error
        Of the last attempt; None where it succeeded.
    """

    name: str
    contacted_at: datetime
    reached_at: datetime | None
    failures: int
    not_before: datetime
    parked: bool
    error: str | None
