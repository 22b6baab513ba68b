"""The life of a study as data: which event leads from which state to which."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from config.errors import NodeError


class StudyState(StrEnum):
    """Where a study stands."""

    RECEIVING = "receiving"
    """Instances arrive; roles are still empty, or the study has not settled."""
    READY = "ready"
    """Waits for a worker."""
    ANALYSING = "analysing"
    """A worker holds the lease."""
    RETRY = "retry"
    """Something was not available; waits for its next attempt."""
    ANALYSED = "analysed"
    """Result written, nobody to deliver it to."""
    REFUSED = "refused"
    """Coded refusal written, nobody to deliver it to."""
    DELIVERING = "delivering"
    """Result or refusal is on its way to the peers."""
    DELIVERED = "delivered"
    """Every peer has every object and has confirmed it, by storage commitment or by a query."""
    UNCONFIRMED = "unconfirmed"
    """Every peer answered Success to every object, and one of them can confirm nothing."""
    UNDELIVERED = "undelivered"
    """A peer refused an object for good; the files are kept."""
    FAILED = "failed"
    """A bug; parked with its traceback in the log, never retried by itself."""
    CANCELLED = "cancelled"
    """A person stopped it before it had a result; images that still come are kept and change nothing."""
    PURGED = "purged"
    """Its images are deleted, by rule or by a person; only new images can be analysed."""


class Event(StrEnum):
    """What happens to a study."""

    INSTANCE = "instance"
    """A new image arrived."""
    COMPLETE = "complete"
    """Six roles filled and settled, or the deadline passed: the analysis decides which."""
    CLAIM = "claim"
    """A worker took the study."""
    LEASE_LOST = "lease-lost"
    """Its worker is gone."""
    ANALYSED = "analysed"
    """A result was written."""
    REFUSED = "refused"
    """A coded refusal was written."""
    ENQUEUED = "enqueued"
    """Objects were put into the outbox."""
    CONFIRMED = "confirmed"
    """The last peer has confirmed the last object."""
    SENT = "sent"
    """The last object is stored, and its peer can confirm nothing."""
    NOT_KEPT = "not-kept"
    """A peer says late that it does not keep an object that it stored."""
    PEER_REFUSED = "peer-refused"
    """A peer refused an object for good."""
    UNAVAILABLE = "unavailable"
    """A device, memory or a worker process was not available."""
    BACK_OFF_OVER = "back-off-over"
    """The next attempt is due."""
    BUG = "bug"
    """An exception that nobody raised on purpose."""
    ASKED = "asked"
    """An operator asked for another attempt."""
    ASSIGNED = "assigned"
    """An administrator assigned series to roles, or took that back."""
    VALUES = "values"
    """Laboratory values came that change the result."""
    SEND_AGAIN = "send-again"
    """An operator asked to send again what a peer refused or could not confirm."""
    REPROCESS = "reprocess"
    """A person asked for a new result that supersedes the last one."""
    CANCEL = "cancel"
    """A person stopped the study before it had a result."""
    PURGE = "purge"
    """The images were deleted."""


_S, _E = StudyState, Event
_RESTING = (_S.ANALYSED, _S.REFUSED, _S.DELIVERED, _S.UNCONFIRMED, _S.UNDELIVERED, _S.FAILED, _S.CANCELLED)

TRANSITIONS: Mapping[tuple[StudyState, Event], StudyState] = MappingProxyType(
    {
        (_S.RECEIVING, _E.COMPLETE): _S.READY,
        (_S.READY, _E.CLAIM): _S.ANALYSING,
        (_S.ANALYSING, _E.LEASE_LOST): _S.READY,
        (_S.ANALYSING, _E.ANALYSED): _S.ANALYSED,
        (_S.ANALYSING, _E.REFUSED): _S.REFUSED,
        (_S.ANALYSING, _E.UNAVAILABLE): _S.RETRY,
        (_S.ANALYSING, _E.BUG): _S.FAILED,
        (_S.RETRY, _E.BACK_OFF_OVER): _S.READY,
        (_S.ANALYSED, _E.ENQUEUED): _S.DELIVERING,
        (_S.REFUSED, _E.ENQUEUED): _S.DELIVERING,
        (_S.DELIVERING, _E.CONFIRMED): _S.DELIVERED,
        (_S.DELIVERING, _E.PEER_REFUSED): _S.UNDELIVERED,
        (_S.DELIVERING, _E.SENT): _S.UNCONFIRMED,
        # Storage commitment may come days later, and may still be refused.
        (_S.UNCONFIRMED, _E.CONFIRMED): _S.DELIVERED,
        (_S.UNCONFIRMED, _E.NOT_KEPT): _S.DELIVERING,
        (_S.DELIVERED, _E.NOT_KEPT): _S.DELIVERING,
        (_S.UNDELIVERED, _E.SEND_AGAIN): _S.DELIVERING,
        (_S.UNCONFIRMED, _E.SEND_AGAIN): _S.DELIVERING,
        # An operator may ask again for whatever has come to rest.
        **{(state, _E.ASKED): _S.READY for state in (_S.RETRY, *_RESTING)},
        # What is being analysed is not taken from its worker: whoever assigns waits and sees what it gives.
        **{(state, _E.ASSIGNED): _S.READY for state in (_S.READY, _S.RETRY, _S.DELIVERING, *_RESTING)},
        (_S.RECEIVING, _E.ASSIGNED): _S.RECEIVING,
        # Values do not help a refused study, and one that is analysed is looked at when it is done.
        **{
            (state, _E.VALUES): _S.READY
            for state in (_S.ANALYSED, _S.DELIVERING, _S.DELIVERED, _S.UNCONFIRMED, _S.UNDELIVERED)
        },
        # What waits for its first result is analysed anyway.
        **{(state, _E.REPROCESS): _S.READY for state in (_S.RETRY, _S.DELIVERING, *_RESTING)},
        # A running analysis loses its claim, and its worker ends it.
        **{
            (state, _E.CANCEL): _S.CANCELLED
            for state in (_S.RECEIVING, _S.READY, _S.ANALYSING, _S.RETRY, _S.FAILED)
        },
        **{(state, _E.PURGE): _S.PURGED for state in _S if state is not _S.ANALYSING},
        # A late image re-opens a study wherever it stands; a running analysis loses its claim. A scanner that
        # still sends does not undo what a person cancelled.
        **{(state, _E.INSTANCE): _S.RECEIVING for state in _S if state is not _S.CANCELLED},
        (_S.CANCELLED, _E.INSTANCE): _S.CANCELLED,
    }
)

RESTING = frozenset((*_RESTING, _S.PURGED))
"""States that only a late image, a laboratory value, an operator or a peer that changes its mind leaves."""


class IllegalTransitionError(NodeError):
    """An event that a study in this state cannot have.

    Parameters
    ----------
    state, event
        The pair that `TRANSITIONS` does not hold.
    """

    def __init__(self, state: StudyState, event: Event) -> None:
        self.state = state
        self.event = event
        super().__init__(f"a study that is {state} cannot become {event}")

    def __reduce__(self) -> tuple[object, ...]:
        return (IllegalTransitionError, (self.state, self.event))


def next_state(state: StudyState, event: Event) -> StudyState:
    """Return the state after `event`.

    Raises
    ------
    IllegalTransitionError
        The table has no such pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None


def sources(event: Event) -> tuple[StudyState, ...]:
    """Return the states that `event` may leave."""
    return tuple(state for state, candidate in TRANSITIONS if candidate is event)
