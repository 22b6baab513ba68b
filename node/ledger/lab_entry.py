"""Results of one patient into the tables, within the transaction of a message or file.

Statements are built once here: SQLAlchemy takes longer to build one than to execute it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from node.labs.instants import is_later
from node.labs.observation import AcceptedValue
from node.ledger import lab_schema
from node.ledger.lab_patients import bound, mark_studies, resolve
from node.ledger.lab_records import Entered, LabSource, LabState, PatientResults, WithdrawnResult

logger = logging.getLogger(__name__)

_V = lab_schema.values
_KNOWN: Final = (
    select(_V)
    .where(
        _V.c.patient_id == bindparam("of_id"),
        _V.c.issuer == bindparam("of_issuer"),
        _V.c.sender == bindparam("of_sender"),
    )
    .with_for_update()
)
"""What a sender ever said of a patient, locked: two connections may correct one value."""
_CONTENT: Final = (
    *("analyte", "value", "comparator", "unit", "original_value", "original_unit"),
    *("collected_at", "code", "result_key"),
)
"""Columns of what a result says; it says it again where they are equal."""
_ENTER: Final = insert(_V)
_REFUSE: Final = insert(lab_schema.refusals)


@dataclass(frozen=True)
class _Fate:
    """What becomes of a row: its state, and whether the laboratory's word did that, and of when that is."""

    state: LabState
    correction: bool
    stated_at: str


@dataclass
class _Changes:
    """What the results of one patient change: rows to insert, rows to change, and how many of each."""

    in_order: bool
    """Whether the sender's results come as they are now; HL7 messages overtake each other."""
    fresh: list[dict[str, object]] = field(default_factory=list)
    fates: dict[int, _Fate] = field(default_factory=dict)
    entered: Entered = field(default_factory=Entered)

    def withdraw(self, known: Sequence[RowMapping], taken_back: WithdrawnResult) -> None:
        day = taken_back.collected_at[:10]
        same = [row for row in known if _is_same_result(row, taken_back.analyte.value, taken_back.key)]
        found = [row["number"] for row in self._current(same) if not day or row["collected_at"][:10] == day]
        self.fates |= dict.fromkeys(found, _Fate(LabState.WITHDRAWN, True, taken_back.stated_at))
        self.entered += Entered(withdrawn=len(found))
        if found and taken_back.because:
            logger.warning("value withdrawn, its correction cannot be read because=%s", taken_back.because)

    def accept(self, known: Sequence[RowMapping], value: AcceptedValue) -> None:
        own = _own(value)
        same = [row for row in known if _is_same_result(row, value.analyte.value, value.key)]
        earlier = self._current(same)
        said = [row["number"] for row in earlier if all(row[name] == own[name] for name in _CONTENT)]
        if said:
            if value.correction:
                self.fates |= dict.fromkeys(said, _Fate(LabState.CURRENT, True, value.stated_at))
            self.entered += Entered(unchanged=1)
            return
        # Order numbers are used again: without the word of the laboratory another day is another result.
        day = value.collected_at[:10]
        of_day = [row for row in same if row["collected_at"][:10] == day]
        if not self.in_order and not value.correction and any(_stands(row, value) for row in of_day):
            logger.info("result not used, it is not later than its correction analyte=%s", value.analyte)
            self.entered += Entered(unchanged=1)
            return
        replaced = [row["number"] for row in earlier if value.correction or row["collected_at"][:10] == day]
        for row in earlier:
            if row["number"] in replaced:
                decided = (True, value.stated_at) if value.correction else (row["correction"], row["stated_at"])
                self.fates[row["number"]] = _Fate(LabState.REPLACED, *decided)
        # A part may hold a result and its correction: the last one counts.
        self.fresh = [
            row
            for row in self.fresh
            if (row["analyte"], row["result_key"]) != (own["analyte"], own["result_key"])
            or not (value.correction or str(row["collected_at"])[:10] == day)
        ]
        self.fresh.append(own)
        self.entered += Entered(replaced=1) if replaced else Entered(new=1)

    def _current(self, rows: Sequence[RowMapping]) -> list[RowMapping]:
        """Return the rows that count, after the changes so far."""
        gone = {number for number, fate in self.fates.items() if fate.state is not LabState.CURRENT}
        return [row for row in rows if row["state"] == LabState.CURRENT.value and row["number"] not in gone]


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
    changes = _Changes(in_order=source is not LabSource.HL7)
    if part.accepted or part.withdrawn:
        known = connection.execute(_KNOWN, {**bound(patient), "of_sender": sender}).mappings().all()
        for taken_back in part.withdrawn:
            changes.withdraw(known, taken_back)
        for value in part.accepted:
            changes.accept(known, value)
    for fate in set(changes.fates.values()):
        _apply(connection, [number for number, its in changes.fates.items() if its == fate], fate, now)
    if changes.fresh:
        new = {**origin, "state": LabState.CURRENT.value, "changed_at": now}
        connection.execute(_ENTER, [{**new, **own} for own in changes.fresh])
    for refusal in part.refused:
        row = {"analyte": refusal.analyte.value, "code": refusal.code, "because": str(refusal)}
        connection.execute(_REFUSE, {**origin, **row})
    if changes.fresh or changes.fates:
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
        "correction": value.correction,
        "stated_at": value.stated_at,
    }


def _is_same_result(row: RowMapping, analyte: str, key: str) -> bool:
    return bool(row["analyte"] == analyte and row["result_key"] == key)


def _stands(row: RowMapping, value: AcceptedValue) -> bool:
    """Tell whether a row was corrected, withdrawn or a correction, and no later than that `value` was stated."""
    decided = row["correction"] or row["state"] == LabState.WITHDRAWN.value
    return decided and not is_later(value.stated_at, row["stated_at"])


def _apply(connection: Connection, numbers: Sequence[int], fate: _Fate, now: datetime) -> None:
    changed = {"state": fate.state.value, "correction": fate.correction, "stated_at": fate.stated_at}
    connection.execute(update(_V).where(_V.c.number.in_(numbers)).values(**changed, changed_at=now))
