"""Results of one patient into the tables, within the transaction of a message or file.

Statements are built once here: SQLAlchemy takes longer to build one than to execute it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from node.ledger import lab_schema
from node.ledger.lab_changes import Changes, Fate
from node.ledger.lab_copies import Copies
from node.ledger.lab_patients import bound, mark_studies, resolve
from node.ledger.lab_records import Entered, LabSource, LabState, PatientResults, WithdrawnResult
from node.ledger.lab_void import Known, Row

_V, _W = lab_schema.values, lab_schema.withdrawals
KNOWN: Final = (
    select(_V)
    .where(_V.c.patient_id == bindparam("of_id"), _V.c.issuer == bindparam("of_issuer"))
    .with_for_update()
)
"""What anybody ever said of a patient, locked: two connections may correct one value."""
TAKEN_BACK: Final = select(_W).where(_W.c.patient_id == bindparam("of_id"), _W.c.issuer == bindparam("of_issuer"))
_ENTER: Final = insert(_V)
_TAKE_BACK: Final = insert(_W)
_REFUSE: Final = insert(lab_schema.refusals)


def enter_results(
    connection: Connection,
    source: LabSource,
    sender: str,
    part: PatientResults,
    now: datetime,
    until: datetime | None = None,
) -> Entered:
    """Enter what a message or file says of one patient.

    Parameters
    ----------
    until
        As in `Known`.
    """
    patient = resolve(connection, part.patient)
    whose = {"patient_id": patient.patient_id, "issuer": patient.issuer}
    said = {"sender": sender, "message_id": part.message_id, "received_at": now}
    origin = {**whose, "source": source.value, **said}
    # A server or a file says what holds now; HL7 messages overtake each other.
    in_order = source is not LabSource.HL7
    changes = Changes(Known(), in_order)
    if part.accepted or part.withdrawn or part.voided or part.reopened:
        rows, others = _by_sender(connection.execute(KNOWN, bound(patient)).mappings().all(), sender)
        back = connection.execute(TAKEN_BACK, bound(patient)).mappings().all() if part.accepted else ()
        own_back, others_back = _by_sender(back, sender)
        changes.known = Known(rows, own_back, until)
        changes.copies = Copies(others, others_back)
        for stated in part.reopened:
            changes.reopen(stated)
        for stated in part.voided:
            changes.void(stated)
        for taken_back in part.withdrawn:
            changes.withdraw(taken_back)
        for value in part.accepted:
            changes.accept(value)
    for fate in set(changes.fates.values()):
        _apply(connection, [number for number, its in changes.fates.items() if its == fate], fate, now)
    if changes.fresh:
        new = {**origin, "state": LabState.CURRENT.value, "changed_at": now}
        connection.execute(_ENTER, [{**new, **own} for own in changes.fresh])
    if changes.kept_back:
        connection.execute(_TAKE_BACK, [{**whose, **said, **_row(item)} for item in changes.kept_back])
    for refusal in part.refused:
        row = {"analyte": refusal.analyte.value, "code": refusal.code, "because": str(refusal)}
        connection.execute(_REFUSE, {**origin, **row})
    if changes.fresh or changes.fates:
        mark_studies(connection, patient, now)
    return changes.entered


def _by_sender(rows: Sequence[Row], sender: str) -> tuple[list[Row], list[Row]]:
    """Return the rows of one sender, and those of all others."""
    return (
        [row for row in rows if row["sender"] == sender],
        [row for row in rows if row["sender"] != sender],
    )


def _row(taken_back: WithdrawnResult) -> dict[str, str]:
    return {
        "analyte": taken_back.analyte.value,
        "result_key": taken_back.key,
        "collected_at": taken_back.collected_at,
        "specimen_at": taken_back.specimen_at,
        "stated_at": taken_back.stated_at,
    }


def _apply(connection: Connection, numbers: Sequence[int], fate: Fate, now: datetime) -> None:
    changed = {"state": fate.state.value, "correction": fate.correction, "stated_at": fate.stated_at}
    connection.execute(update(_V).where(_V.c.number.in_(numbers)).values(**changed, changed_at=now))
