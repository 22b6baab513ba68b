"""Rules of the outbox inside one transaction: what is enqueued, and when a study counts as delivered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from node.ledger import schema
from node.ledger.connection import insert_new
from node.ledger.delivery_records import Delivery, DeliveryState
from node.ledger.records import ObjectKind, ResultObject, StudyRecord
from node.ledger.rows import locked, move
from node.states import Event, StudyState

_T = schema.outbox
_RANKS = {kind: rank for rank, kind in enumerate(ObjectKind)}
_UNSENT = {
    "state": DeliveryState.WAITING.value,
    **dict.fromkeys(("attempts", "requests", "absences", "refusals"), 0),
    "confirmed_by": None,
}
_OPEN = (DeliveryState.WAITING.value, DeliveryState.STORED.value)
_MAY_SETTLE = (StudyState.DELIVERING, StudyState.UNCONFIRMED)


def enqueue(
    connection: Connection,
    study: StudyRecord,
    objects: Sequence[ResultObject],
    destinations: Mapping[str, Collection[ObjectKind]],
    now: datetime,
) -> int:
    """Enter the objects of a study and one row of the outbox for each of them and each destination that takes it.

    What an earlier generation left unsent is superseded, except where it is the same object.

    Parameters
    ----------
    destinations
        Names, and what each takes.

    Returns
    -------
    int
        Rows that the objects have in the outbox.
    """
    number = 0
    connection.execute(
        update(_T)
        .where(_T.c.study_instance_uid == study.study_instance_uid, _T.c.state == DeliveryState.WAITING.value)
        .values(state=DeliveryState.SUPERSEDED.value)
    )
    for item in objects:
        values = {
            "study_instance_uid": study.study_instance_uid,
            "generation": study.generation,
            "kind": item.kind.value,
            "sop_class_uid": item.sop_class_uid,
            "sop_instance_uid": item.sop_instance_uid,
            "path": item.path,
        }
        _enter_result(connection, values, now)
        for destination in (name for name, kinds in destinations.items() if item.kind in kinds):
            number += 1
            place = {"destination": destination, "rank": _RANKS[item.kind]}
            _enter_delivery(connection, {**values, **place, **_UNSENT, "not_before": now})
    return number


def _enter_result(connection: Connection, values: dict[str, object], now: datetime) -> None:
    table = schema.results
    if not insert_new(connection, table, {**values, "written_at": now}):
        connection.execute(
            update(table)
            .where(table.c.sop_instance_uid == values["sop_instance_uid"])
            .values(generation=values["generation"], path=values["path"], written_at=now)
        )


def _enter_delivery(connection: Connection, values: dict[str, object]) -> None:
    if insert_new(connection, _T, values):
        return
    same = (
        _T.c.sop_instance_uid == values["sop_instance_uid"],
        _T.c.destination == values["destination"],
    )
    moved = {"generation": values["generation"], "path": values["path"]}
    connection.execute(update(_T).where(*same).values(moved))
    # The peer has it, confirmed or not: sending it again would change nothing.
    done = (DeliveryState.DELIVERED.value, DeliveryState.STORED.value, DeliveryState.UNCONFIRMED.value)
    again = {name: values[name] for name in (*_UNSENT, "not_before")}
    connection.execute(update(_T).where(*same, _T.c.state.not_in(done)).values(**again, error=None))


def replace(connection: Connection, item: Delivery, simpler: ResultObject, error: str, now: datetime) -> bool:
    """Let `simpler` go in place of `item`; False where a later result superseded it meanwhile."""
    waiting = (_T.c.number == item.number, _T.c.state == DeliveryState.WAITING.value)
    superseded = {"state": DeliveryState.SUPERSEDED.value, "attempts": item.attempts + 1, "error": error}
    if not connection.execute(update(_T).where(*waiting).values(**superseded)).rowcount:
        return False
    values = {
        "study_instance_uid": item.study_instance_uid,
        "generation": item.generation,
        "kind": item.kind.value,
        "sop_class_uid": simpler.sop_class_uid,
        "sop_instance_uid": simpler.sop_instance_uid,
        "path": simpler.path,
        "destination": item.destination,
        "rank": _RANKS[item.kind],
    }
    _enter_delivery(connection, {**values, **_UNSENT, "not_before": now})
    return True


def refuse_all_forms(connection: Connection, item: Delivery) -> None:
    """Let a report that is refused in every SOP class be refused as it was written: so it is sent again."""
    forms = (
        _T.c.study_instance_uid == item.study_instance_uid,
        _T.c.destination == item.destination,
        _T.c.kind == item.kind.value,
        _T.c.generation == item.generation,
    )
    first = connection.scalar(select(func.min(_T.c.number)).where(*forms))
    if first == item.number:
        return
    states = {item.number: DeliveryState.SUPERSEDED, first: DeliveryState.REFUSED}
    for number, state in states.items():
        connection.execute(update(_T).where(_T.c.number == number).values(state=state.value))


def send_again(connection: Connection, study: StudyRecord, now: datetime, by: str) -> None:
    """Put back what a peer refused, or could not confirm, of a locked study.

    Raises
    ------
    IllegalTransitionError
        The study has come to no such end.
    """
    ended = (DeliveryState.REFUSED.value, DeliveryState.UNCONFIRMED.value)
    # Without a code the message is that of the peer, with one it is that of the refusal of the study.
    message = study.message if study.code else None
    move(connection, study, Event.SEND_AGAIN, now, f"by {by}", message=message)
    connection.execute(
        update(_T)
        .where(
            _T.c.study_instance_uid == study.study_instance_uid,
            _T.c.generation == study.generation,
            _T.c.state.in_(ended),
        )
        .values(**_UNSENT, not_before=now, error=None)
    )


def hurry(connection: Connection, study_instance_uid: str, now: datetime) -> None:
    """End the waits of a locked study for its next attempts and questions."""
    is_open = (_T.c.study_instance_uid == study_instance_uid, _T.c.state.in_(_OPEN))
    connection.execute(update(_T).where(*is_open).values(not_before=now))


def settle(connection: Connection, study_instance_uid: str, now: datetime) -> StudyState:
    """End the delivery of a study where nothing of its present generation is open; return its state.

    An unconfirmed study becomes delivered where its confirmation came late.
    """
    study = locked(connection, study_instance_uid)
    query = (
        select(_T)
        .where(_T.c.study_instance_uid == study_instance_uid, _T.c.generation == study.generation)
        .order_by(_T.c.destination, _T.c.rank)
    )
    rows = connection.execute(query).mappings().all()
    if study.state not in _MAY_SETTLE or any(row["state"] in _OPEN for row in rows):
        return study.state
    refused = [row for row in rows if row["state"] == DeliveryState.REFUSED.value]
    unconfirmed = any(row["state"] == DeliveryState.UNCONFIRMED.value for row in rows)
    if study.state is StudyState.UNCONFIRMED and (refused or unconfirmed):
        return study.state
    if not refused:
        return move(connection, study, Event.SENT if unconfirmed else Event.CONFIRMED, now).state
    because = "; ".join(f"{row['destination']} refused the {row['kind']}: {row['error']}" for row in refused)
    return move(connection, study, Event.PEER_REFUSED, now, because, message=study.message or because).state
