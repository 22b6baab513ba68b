"""Confirmation inside one transaction: what the answer of a peer about what it stored changes in the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, insert, or_, select, update

from node.ledger import schema
from node.ledger.delivery_records import Confirmation, DeliveryState
from node.ledger.history import note
from node.ledger.rows import locked, move
from node.states import Event, StudyState

_T = schema.outbox

LOST_AT_PEER_RETRY_S = 60.0
"""An object that a peer stored and will not keep is sent again after this time, and then ever later, s."""
MAXIMUM_REFUSALS = 10
"""So often a peer may say that it will not keep an object, over eight hours, until it is taken at its word."""
MAXIMUM_ABSENCES = 6
"""Queries that may not find what the peer stored, until it is sent again: some index what they get much later."""

_OWED = or_(
    _T.c.state.in_([DeliveryState.STORED.value, DeliveryState.UNCONFIRMED.value]),
    # Storage commitment is more than a query: a refusal that comes after one counts.
    and_(_T.c.state == DeliveryState.DELIVERED.value, _T.c.confirmed_by == Confirmation.QUERY.value),
)
_TOO_LATE = {"state": DeliveryState.SUPERSEDED.value, "confirmed_by": None}


def lost_at_peer_retry_s(refusals: int) -> float:
    """Return after what time an object is sent again that its peer would not keep so many times, s."""
    return LOST_AT_PEER_RETRY_S * 2.0 ** (refusals - 1) if refusals else 0.0


def open_request(
    connection: Connection, transaction_uid: str, study_instance_uid: str, destination: str, now: datetime
) -> None:
    """Enter a storage commitment request, before it is sent: its answer may come on another association."""
    connection.execute(
        insert(schema.commitments).values(
            transaction_uid=transaction_uid,
            study_instance_uid=study_instance_uid,
            destination=destination,
            requested_at=now,
        )
    )


def confirm(connection: Connection, request: RowMapping, committed: Sequence[str]) -> None:
    """Enter which objects of a request the peer keeps."""
    by = Confirmation.COMMITMENT.value
    connection.execute(
        update(_T)
        .where(_asked_about(request, committed))
        .values(state=DeliveryState.DELIVERED.value, error=None, confirmed_by=by)
    )


def not_kept(connection: Connection, request: RowMapping, failed: Mapping[str, str], now: datetime) -> None:
    """Enter which objects of a request the peer does not keep, and why: they are sent again, not for ever."""
    query = select(_T).where(_asked_about(request, list(failed)))
    for row in connection.execute(query).mappings().all():
        _lost(connection, row, failed[row["sop_instance_uid"]], now)


def absent(connection: Connection, numbers: Sequence[int], now: datetime, ask_again_in_s: float) -> datetime:
    """Enter that a query did not find what the peer stored; return when it is due again."""
    later = now + timedelta(seconds=ask_again_in_s)
    stored = and_(_T.c.number.in_(numbers), _T.c.state == DeliveryState.STORED.value)
    connection.execute(update(_T).where(stored).values(absences=_T.c.absences + 1, not_before=later))
    gone = select(_T).where(stored, _T.c.absences >= MAXIMUM_ABSENCES)
    for row in connection.execute(gone).mappings().all():
        _lost(connection, row, f"{row['absences']} queries did not find it", now)
    return later


def _asked_about(request: RowMapping, sop_instance_uids: Sequence[str]) -> ColumnElement[bool]:
    return and_(
        _T.c.study_instance_uid == request["study_instance_uid"],
        _T.c.destination == request["destination"],
        _T.c.sop_instance_uid.in_(sop_instance_uids),
        _OWED,
    )


def _lost(connection: Connection, row: RowMapping, reason: str, now: datetime) -> None:
    uid = row["study_instance_uid"]
    note(connection, uid, now, "not-kept", f"{row['kind']} at {row['destination']}: {reason}")
    study = locked(connection, uid)
    is_present = study.generation == row["generation"]
    # Behind the result that replaced it, an earlier one would look like the latest.
    change = _after_refusal(row["refusals"] + 1, reason, now) if is_present else _TOO_LATE
    connection.execute(update(_T).where(_T.c.number == row["number"]).values(change))
    if is_present and study.state in (StudyState.UNCONFIRMED, StudyState.DELIVERED):
        move(connection, study, Event.NOT_KEPT, now, f"{row['destination']}: {reason}")


def _after_refusal(refusals: int, reason: str, now: datetime) -> dict[str, object]:
    fresh = {"refusals": refusals, "confirmed_by": None, "absences": 0}
    if refusals >= MAXIMUM_REFUSALS:
        error = f"it stored the object {refusals} times and would not keep it: {reason}"
        return {**fresh, "state": DeliveryState.REFUSED.value, "error": error}
    return {
        **fresh,
        "state": DeliveryState.WAITING.value,
        "not_before": now + timedelta(seconds=lost_at_peer_retry_s(refusals)),
        "error": f"stored and not kept: {reason}",
    }
