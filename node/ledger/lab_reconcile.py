"""After two patients became one: what is known of each may make values of the other void."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, update

from node.labs.observation import AcceptedValue
from node.ledger import lab_schema
from node.ledger.lab_copies import Copies
from node.ledger.lab_entry import KNOWN, TAKEN_BACK
from node.ledger.lab_patients import bound, merge, resolve
from node.ledger.lab_records import LabSource, LabState, PatientMerge
from node.ledger.lab_void import Known, Row
from pipeline.study import Analyte

logger = logging.getLogger(__name__)

_V = lab_schema.values


def merge_and_reconcile(connection: Connection, wanted: PatientMerge, now: datetime) -> None:
    """Move what is known of one identity to that which survives, and void what the other says is void.

    A correction may come under the number that survives, before the merge, of a result under the other.
    """
    merge(connection, wanted, now)
    survivor = bound(resolve(connection, wanted.survivor))
    rows = connection.execute(KNOWN, survivor).mappings().all()
    taken_back = connection.execute(TAKEN_BACK, survivor).mappings().all()
    void = [
        row["number"]
        for row in rows
        if row["state"] == LabState.CURRENT.value
        and not row["correction"]
        and row["analyte"] in set(Analyte)
        and _is_void(row, rows, taken_back)
    ]
    if void:
        logger.warning("values not used any more, a merged patient's are a later word on them count=%d", len(void))
        changed = {"state": LabState.REPLACED.value, "changed_at": now}
        connection.execute(update(_V).where(_V.c.number.in_(void)).values(**changed))


def _is_void(row: Row, rows: Sequence[Row], taken_back: Sequence[Row]) -> bool:
    value, sender = _value(row), row["sender"]
    own = [item for item in rows if item["sender"] == sender and item["number"] != row["number"]]
    own_back = [item for item in taken_back if item["sender"] == sender]
    others = [item for item in rows if item["sender"] != sender]
    others_back = [item for item in taken_back if item["sender"] != sender]
    # A server or a file says what holds now, in its order.
    in_order = row["source"] != LabSource.HL7.value
    return Copies(others, others_back).is_void(value) or (not in_order and Known(own, own_back).is_void(value))


def _value(row: Row) -> AcceptedValue:
    return AcceptedValue(
        analyte=Analyte(row["analyte"]),
        value=row["value"],
        comparator=row["comparator"],
        unit=row["unit"],
        original_value=row["original_value"],
        original_unit=row["original_unit"],
        collected_at=row["collected_at"],
        code=row["code"],
        key=row["result_key"],
        stated_at=row["stated_at"],
    )
