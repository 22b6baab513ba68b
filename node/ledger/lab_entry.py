"""Results of one patient into the tables, within the transaction of a message or file.

Statements are built once here: SQLAlchemy takes longer to build one than to execute it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from node.labs.observation import AcceptedValue
from node.ledger import lab_schema
from node.ledger.lab_patients import bound, mark_studies, resolve
from node.ledger.lab_records import Entered, LabSource, LabState, PatientResults, WithdrawnResult

_V = lab_schema.values
_CURRENT: Final = (
    select(_V)
    .where(
        _V.c.patient_id == bindparam("of_id"),
        _V.c.issuer == bindparam("of_issuer"),
        _V.c.sender == bindparam("of_sender"),
        _V.c.state == LabState.CURRENT.value,
    )
    .with_for_update()
)
"""What a sender said of a patient, locked: two connections may correct one value."""
_ENTER: Final = insert(_V)
_REFUSE: Final = insert(lab_schema.refusals)


def enter_results(
    connection: Connection, source: LabSource, sender: str, part: PatientResults, now: datetime
) -> Entered:
    """Enter what a message or file says of one patient."""
    patient = resolve(connection, part.patient)
    origin = {
        "patient_id": patient.patient_id,
        "issuer": patient.issuer,
        "source": source.value,
        "sender": sender,
        "message_id": part.message_id,
        "received_at": now,
    }
    current: Sequence[RowMapping] = []
    if part.accepted or part.withdrawn:
        current = connection.execute(_CURRENT, {**bound(patient), "of_sender": sender}).mappings().all()
    entered, fresh, void = Entered(), list[dict[str, object]](), dict[int, LabState]()
    for taken_back in part.withdrawn:
        found = _withdrawn(current, taken_back)
        void |= dict.fromkeys(found, LabState.WITHDRAWN)
        entered += Entered(withdrawn=len(found))
    for value in part.accepted:
        own = _own(value)
        earlier = [row for row in current if _is_same_result(row, value.analyte.value, value.key)]
        if any(_says(row, own) for row in earlier):
            entered += Entered(unchanged=1)
            continue
        # Order numbers are used again: without the word of the laboratory another day is another result.
        day = value.collected_at[:10]
        replaced = [row["number"] for row in earlier if value.correction or row["collected_at"][:10] == day]
        void |= dict.fromkeys(replaced, LabState.REPLACED)
        # A message may hold a result and its correction: the last one counts.
        fresh = [row for row in fresh if any(row[name] != own[name] for name in ("analyte", "result_key"))]
        fresh.append({**origin, **own, "state": LabState.CURRENT.value, "changed_at": now})
        entered += Entered(replaced=1) if replaced else Entered(new=1)
    for state in set(void.values()):
        _set_state(connection, [number for number, its in void.items() if its is state], state, now)
    if fresh:
        connection.execute(_ENTER, fresh)
    for refusal in part.refused:
        row = {"analyte": refusal.analyte.value, "code": refusal.code, "because": str(refusal)}
        connection.execute(_REFUSE, {**origin, **row})
    if fresh or void:
        mark_studies(connection, patient, now)
    return entered


def _own(value: AcceptedValue) -> dict[str, object]:
    return {
        "analyte": value.analyte.value,
        "value": value.value,
        "comparator": value.comparator,
        "unit": value.unit,
        "original_value": value.original_value,
        "original_unit": value.original_unit,
        "collected_at": value.collected_at,
        "code": value.code,
        "result_key": value.key,
    }


def _says(row: RowMapping, own: Mapping[str, object]) -> bool:
    return all(row[name] == content for name, content in own.items())


def _is_same_result(row: RowMapping, analyte: str, key: str) -> bool:
    return bool(row["analyte"] == analyte and row["result_key"] == key)


def _withdrawn(current: Sequence[RowMapping], taken_back: WithdrawnResult) -> list[int]:
    day = taken_back.collected_at[:10]
    return [
        row["number"]
        for row in current
        if _is_same_result(row, taken_back.analyte.value, taken_back.key)
        and (not day or row["collected_at"][:10] == day)
    ]


def _set_state(connection: Connection, numbers: Sequence[int], state: LabState, now: datetime) -> None:
    connection.execute(update(_V).where(_V.c.number.in_(numbers)).values(state=state.value, changed_at=now))
