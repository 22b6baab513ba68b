"""Storage commitment inside one transaction: what a request and its answer change in the outbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, insert, select, update

from node.ledger import schema
from node.ledger.history import note
from node.ledger.records import DeliveryState

_T = schema.outbox

LOST_AT_PEER_RETRY_S = 60.0
"""An object that a peer stored and will not keep is sent again after this time, and then ever later, s."""
MAXIMUM_REFUSALS = 10
"""So often a peer may say that it will not keep an object, over eight hours, until it is taken at its word."""


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
    connection.execute(
        update(_T)
        .where(
            _T.c.study_instance_uid == request["study_instance_uid"],
            _T.c.destination == request["destination"],
            _T.c.sop_instance_uid.in_(committed),
            _T.c.state == DeliveryState.STORED.value,
        )
        .values(state=DeliveryState.DELIVERED.value, error=None)
    )


def not_kept(connection: Connection, request: RowMapping, failed: Mapping[str, str], now: datetime) -> None:
    """Enter which objects of a request the peer does not keep, and why: they are sent again, not for ever."""
    query = select(_T).where(
        _T.c.study_instance_uid == request["study_instance_uid"],
        _T.c.destination == request["destination"],
        _T.c.sop_instance_uid.in_(failed),
        _T.c.state == DeliveryState.STORED.value,
    )
    for row in connection.execute(query).mappings().all():
        reason = failed[row["sop_instance_uid"]]
        note(connection, row["study_instance_uid"], now, "not-committed", f"{row['sop_instance_uid']}: {reason}")
        change = _after_refusal(row["refusals"] + 1, reason, now)
        connection.execute(update(_T).where(_T.c.number == row["number"]).values(change))


def _after_refusal(refusals: int, reason: str, now: datetime) -> dict[str, object]:
    if refusals >= MAXIMUM_REFUSALS:
        error = f"it stored the object {refusals} times and would not keep it: {reason}"
        return {"refusals": refusals, "state": DeliveryState.REFUSED.value, "error": error}
    retry_in_s = LOST_AT_PEER_RETRY_S * 2.0 ** (refusals - 1)
    return {
        "refusals": refusals,
        "state": DeliveryState.WAITING.value,
        "not_before": now + timedelta(seconds=retry_in_s),
        "error": f"not committed: {reason}",
    }
