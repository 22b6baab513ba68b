"""Rows of the outbox as deliveries: read, and brought to another state."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, func, update

from node.ledger import delivery, schema
from node.ledger.connection import reading
from node.ledger.delivery_records import Confirmation, Delivery, DeliveryState
from node.ledger.history import note
from node.ledger.records import ObjectKind
from node.ledger.rows import locked

_T = schema.outbox

OLDEST_STUDY_FIRST = (func.min(_T.c.number).over(partition_by=_T.c.study_instance_uid), _T.c.rank, _T.c.number)


def read(engine: Engine, query: Select[Any]) -> tuple[Delivery, ...]:
    """Return the deliveries that a query finds."""
    with reading(engine) as connection:
        return tuple(_delivery(row) for row in connection.execute(query).mappings())


def enter(engine: Engine, now: datetime, item: Delivery, state: DeliveryState, **values: object) -> None:
    """Enter that an object came to another state, in one transaction."""
    with engine.begin() as connection:
        locked(connection, item.study_instance_uid)
        # A result of a later generation may have superseded the row while it was on its way.
        changed = connection.execute(
            update(_T)
            .where(_T.c.number == item.number, _T.c.state == item.state.value)
            .values(state=state.value, **values)
        ).rowcount
        if changed and state is DeliveryState.REFUSED:
            delivery.refuse_all_forms(connection, item)
        detail = f"{item.kind} at {item.destination}"
        note(connection, item.study_instance_uid, now, f"object-{state}", _with(detail, values.get("error")))
        delivery.settle(connection, item.study_instance_uid, now)


def _with(detail: str, reason: object) -> str:
    return f"{detail}: {reason}" if reason else detail


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    by = row["confirmed_by"]
    typed = {"kind": ObjectKind(row["kind"]), "state": DeliveryState(row["state"])}
    return Delivery(**{**values, **typed, "confirmed_by": None if by is None else Confirmation(by)})
