"""Results of one patient into the tables, within the transaction of a message or file.

Statements are built once here: SQLAlchemy takes longer to build one than to execute it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass
class _Changes:
    """What the results of one patient change: rows to insert, rows that no longer count, and how many of each."""

    fresh: list[dict[str, object]] = field(default_factory=list)
    void: dict[int, LabState] = field(default_factory=dict)
    entered: Entered = field(default_factory=Entered)

    def withdraw(self, current: Sequence[RowMapping], taken_back: WithdrawnResult) -> None:
        found = _withdrawn(current, taken_back)
        self.void |= dict.fromkeys(found, LabState.WITHDRAWN)
        self.entered += Entered(withdrawn=len(found))

    def accept(self, current: Sequence[RowMapping], value: AcceptedValue) -> None:
        own = _own(value)
        earlier = [row for row in current if _is_same_result(row, value.analyte.value, value.key)]
        if any(_says(row, own) for row in earlier):
            self.entered += Entered(unchanged=1)
            return
        # Order numbers are used again: without the word of the laboratory another day is another result.
        day = value.collected_at[:10]
        replaced = [row["number"] for row in earlier if value.correction or row["collected_at"][:10] == day]
        self.void |= dict.fromkeys(replaced, LabState.REPLACED)
        # A message may hold a result and its correction: the last one counts.
        names = ("analyte", "result_key")
        self.fresh = [row for row in self.fresh if any(row[name] != own[name] for name in names)]
        self.fresh.append(own)
        self.entered += Entered(replaced=1) if replaced else Entered(new=1)


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
    changes = _Changes()
    if part.accepted or part.withdrawn:
        current = connection.execute(_CURRENT, {**bound(patient), "of_sender": sender}).mappings().all()
        for taken_back in part.withdrawn:
            changes.withdraw(current, taken_back)
        for value in part.accepted:
            changes.accept(current, value)
    for state in set(changes.void.values()):
        _set_state(connection, [number for number, its in changes.void.items() if its is state], state, now)
    if changes.fresh:
        new = {**origin, "state": LabState.CURRENT.value, "changed_at": now}
        connection.execute(_ENTER, [{**new, **own} for own in changes.fresh])
    for refusal in part.refused:
        row = {"analyte": refusal.analyte.value, "code": refusal.code, "because": str(refusal)}
        connection.execute(_REFUSE, {**origin, **row})
    if changes.fresh or changes.void:
        mark_studies(connection, patient, now)
    return changes.entered


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
