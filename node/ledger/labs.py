"""Laboratory values in the ledger: entered once, corrected, withdrawn, moved with their patient."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update

from node.labs.observation import AcceptedValue, PatientIdentity
from node.ledger import lab_schema
from node.ledger.connection import insert_new, reading
from node.ledger.lab_records import (
    Entered,
    LabMessage,
    LabRefusal,
    LabSource,
    LabState,
    LabValue,
    PatientMerge,
    PatientResults,
    WithdrawnResult,
)

_V = lab_schema.values
_M = lab_schema.messages

CONTROL_ID_LIFE = timedelta(hours=24)
"""Within this time one control ID (MSH-10) names one message; later a sender's counter may have come round."""


class Labs:
    """The laboratory values of one ledger; every method is one transaction.

    Parameters
    ----------
    engine
        Of the ledger.
    clock
        Time of day, aware.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def enter(
        self,
        source: LabSource,
        sender: str,
        results: Sequence[PatientResults],
        *,
        merges: Sequence[PatientMerge] = (),
        message: LabMessage | None = None,
    ) -> Entered:
        """Enter all of a message or file, durably, or nothing of it.

        Parameters
        ----------
        message
            What makes it known when it comes again; entered with it.
        """
        now, entered = self._clock(), Entered()
        with self._engine.begin() as connection:
            if message is not None and not _enter_message(connection, message, now):
                return entered
            for merge in merges:
                _merge(connection, merge, now)
            for part in results:
                entered += _enter_results(connection, source, sender, part, now)
        return entered

    def answered(self, sender: str, control_id: str) -> tuple[LabMessage, ...]:
        """Return the messages under a control ID that may be meant when it comes again, the last first."""
        query = (
            select(_M)
            .where(_M.c.sender == sender, _M.c.control_id == control_id)
            .order_by(_M.c.received_at.desc(), _M.c.number.desc())
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(LabMessage(**{name: row[name] for name in LabMessage.__dataclass_fields__}) for row in rows)

    def is_in_use(self, sender: str, control_id: str) -> bool:
        """Tell whether a control ID named a message so lately that it cannot name another."""
        query = select(_M.c.number).where(
            _M.c.sender == sender,
            _M.c.control_id == control_id,
            _M.c.received_at > self._clock() - CONTROL_ID_LIFE,
        )
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def values(
        self, patient: PatientIdentity | None = None, *, states: Sequence[LabState] = (LabState.CURRENT,)
    ) -> tuple[LabValue, ...]:
        """Return the values of one patient, or of all, in the order of their receipt."""
        query = select(_V).where(_V.c.state.in_([state.value for state in states])).order_by(_V.c.number)
        with reading(self._engine) as connection:
            if patient is not None:
                patient = resolve(connection, patient)
                query = query.where(_V.c.patient_id == patient.patient_id, _V.c.issuer == patient.issuer)
            return tuple(_value(row) for row in connection.execute(query).mappings())

    def issuers(self, patient_id: str) -> tuple[str, ...]:
        """Return the issuers under which values of a patient ID are known: each is another patient."""
        query = select(_V.c.issuer).where(_V.c.patient_id == patient_id).distinct().order_by(_V.c.issuer)
        with reading(self._engine) as connection:
            return tuple(connection.scalars(query))

    def refusals(self, patient: PatientIdentity | None = None) -> tuple[LabRefusal, ...]:
        """Return what could not be believed, the last first."""
        table = lab_schema.refusals
        query = select(table).order_by(table.c.number.desc())
        with reading(self._engine) as connection:
            if patient is not None:
                patient = resolve(connection, patient)
                query = query.where(table.c.patient_id == patient.patient_id, table.c.issuer == patient.issuer)
            return tuple(LabRefusal(**row) for row in connection.execute(query).mappings())


def resolve(connection: Connection, patient: PatientIdentity) -> PatientIdentity:
    """Return the identity that a patient has after all merges."""
    table = lab_schema.merges
    query = select(table.c.patient_id, table.c.issuer).where(
        table.c.prior_patient_id == patient.patient_id, table.c.prior_issuer == patient.issuer
    )
    # One step: `_merge` leaves no chains.
    row = connection.execute(query).first()
    return patient if row is None else PatientIdentity(row[0], row[1])


def _enter_message(connection: Connection, message: LabMessage, now: datetime) -> bool:
    row = {name: getattr(message, name) for name in LabMessage.__dataclass_fields__}
    return insert_new(connection, _M, {**row, "received_at": now})


def _enter_results(
    connection: Connection, source: LabSource, sender: str, part: PatientResults, now: datetime
) -> Entered:
    patient = resolve(connection, part.patient)
    origin = {
        "patient_id": patient.patient_id,
        "issuer": patient.issuer,
        "source": source.value,
        "sender": sender,
        "message_id": part.message_id,
        "received_at": now,
    }
    current = _current(connection, origin) if part.accepted or part.withdrawn else []
    entered, fresh, void = Entered(), list[dict[str, object]](), dict[int, LabState]()
    for taken_back in part.withdrawn:
        found = _withdrawn(current, taken_back)
        void |= dict.fromkeys(found, LabState.WITHDRAWN)
        entered += Entered(withdrawn=len(found))
    for value in part.accepted:
        own = _own(value)
        earlier = [row for row in current if _is_same_result(row, value.analyte.value, value.key)]
        if any(all(row[name] == content for name, content in own.items()) for row in earlier):
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
        connection.execute(insert(_V), fresh)
    for refusal in part.refused:
        row = {"analyte": refusal.analyte.value, "code": refusal.code, "because": str(refusal)}
        connection.execute(insert(lab_schema.refusals).values(**origin, **row))
    if fresh or void:
        _mark_studies(connection, patient, now)
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


def _current(connection: Connection, origin: Mapping[str, object]) -> Sequence[RowMapping]:
    """Return what this sender said of this patient, locked: two connections may correct one value."""
    query = (
        select(_V)
        .where(
            _V.c.patient_id == origin["patient_id"],
            _V.c.issuer == origin["issuer"],
            _V.c.sender == origin["sender"],
            _V.c.state == LabState.CURRENT.value,
        )
        .with_for_update()
    )
    return connection.execute(query).mappings().all()


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


def _merge(connection: Connection, merge: PatientMerge, now: datetime) -> None:
    table, prior, survivor = lab_schema.merges, merge.prior, merge.survivor
    if prior == survivor:
        return
    # Whoever survives a merge is a patient again, also where an earlier merge said otherwise.
    connection.execute(
        delete(table).where(
            table.c.prior_patient_id == survivor.patient_id, table.c.prior_issuer == survivor.issuer
        )
    )
    own = {"prior_patient_id": prior.patient_id, "prior_issuer": prior.issuer}
    into = {"patient_id": survivor.patient_id, "issuer": survivor.issuer}
    row = {**into, "message_id": merge.message_id, "merged_at": now}
    if not insert_new(connection, table, {**own, **row}):
        connection.execute(
            update(table)
            .where(table.c.prior_patient_id == prior.patient_id, table.c.prior_issuer == prior.issuer)
            .values(**row)
        )
    for moved in (table, _V, lab_schema.refusals, lab_schema.uses):
        connection.execute(
            update(moved)
            .where(moved.c.patient_id == prior.patient_id, moved.c.issuer == prior.issuer)
            .values(**into)
        )
    _mark_studies(connection, survivor, now)


def _mark_studies(connection: Connection, patient: PatientIdentity, now: datetime) -> None:
    """Have the studies of a patient looked at again: a value that they use, or might use, has changed."""
    table = lab_schema.uses
    connection.execute(
        update(table)
        .where(table.c.patient_id == patient.patient_id, table.c.issuer == patient.issuer)
        .values(changed_at=now)
    )


def _value(row: RowMapping) -> LabValue:
    names = [name for name in LabValue.__dataclass_fields__ if name != "state"]
    return LabValue(**{name: row[name] for name in names}, state=LabState(row["state"]))
