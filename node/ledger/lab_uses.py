"""Which study used which laboratory values, so that a later value finds the result that it changes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Connection, Engine, RowMapping, Select, and_, insert, select, update

from node.labs.observation import PatientIdentity
from node.ledger import lab_schema, schema
from node.ledger.connection import reading
from node.ledger.history import note
from node.ledger.lab_patients import resolve
from node.ledger.rows import FREE, locked, move
from node.states import Event, StudyState, sources
from pipeline.specimen import Examined

_U = lab_schema.uses


@dataclass(frozen=True)
class LabUse:
    """The values that one study was analysed with.

    Parameters
    ----------
    examined
        When the images were acquired.
    generation
        Of the study at its last result.
    chosen
        Number of the value by analyte.
    has_risk
        Whether the result has a risk, which values could change.
    result_at
        When these images were first analysed; None: not yet.
    changed_at
        When a value of the patient changed after the choice; None: none did.
    state
        Of the study.
    """

    study_instance_uid: str
    patient: PatientIdentity
    examined: Examined
    generation: int
    chosen: Mapping[str, int]
    has_risk: bool
    result_at: datetime | None
    changed_at: datetime | None
    state: StudyState


class LabUses:
    """The uses of laboratory values; every method is one transaction.

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

    def begin(
        self, study_instance_uid: str, generation: int, patient: PatientIdentity, examined: Examined
    ) -> None:
        """Enter whose a study is, before its values are read: whatever changes from now on marks it."""
        with self._engine.begin() as connection:
            patient = resolve(connection, patient)
            row: dict[str, object] = {
                "patient_id": patient.patient_id,
                "issuer": patient.issuer,
                "examined_on": "" if examined.on is None else examined.on.isoformat(),
                "began_at": "" if examined.began is None else examined.began.isoformat(),
                "changed_at": None,
            }
            known = connection.execute(_of(study_instance_uid)).mappings().first()
            if known is None:
                fresh = {"generation": generation, "chosen": "{}", "has_risk": True}
                connection.execute(insert(_U).values(study_instance_uid=study_instance_uid, **row, **fresh))
                return
            if known["generation"] != generation:
                # Other images: their result is the first of its kind, and waits for values anew.
                row |= {"generation": generation, "result_at": None}
            _change(connection, study_instance_uid, row)

    def end(self, study_instance_uid: str, chosen: Mapping[str, int], *, has_risk: bool) -> None:
        """Enter the values that a result was made with."""
        with self._engine.begin() as connection:
            known = connection.execute(_of(study_instance_uid)).mappings().first()
            if known is None:
                return
            row = {"chosen": json.dumps(dict(chosen), sort_keys=True), "has_risk": has_risk}
            first = {"result_at": self._clock()} if known["result_at"] is None else {}
            _change(connection, study_instance_uid, {**row, **first})

    def changed(self) -> tuple[LabUse, ...]:
        """Return the uses that a later value may change, of studies whose result is written and still stands."""
        return self._select(
            _joined().where(_U.c.changed_at.is_not(None), _U.c.result_at.is_not(None)).order_by(_U.c.changed_at)
        )

    def since(self, at: datetime) -> tuple[LabUse, ...]:
        """Return the uses of studies whose first result was written after `at`."""
        return self._select(_joined().where(_U.c.result_at > at).order_by(_U.c.result_at))

    def settled(self, use: LabUse, because: str = "") -> None:
        """Enter that the changes up to `use.changed_at` make no new result; `because` goes into the history."""
        with self._engine.begin() as connection:
            _take_note(connection, use)
            if because:
                note(connection, use.study_instance_uid, self._clock(), "labs", because)

    def reissue(self, use: LabUse, because: str) -> bool:
        """Make the study of `use` ready for a new result; say whether it could be."""
        now = self._clock()
        with self._engine.begin() as connection:
            study = locked(connection, use.study_instance_uid)
            if study.generation != use.generation or study.state not in sources(Event.VALUES):
                return False
            # A generation of its own: the files of the result that is replaced stay, and with them its delivery.
            generation = study.generation + 1
            fresh = {"generation": generation, "attempts": 0, "not_before": None}
            move(connection, study, Event.VALUES, now, because, **fresh, **FREE)
            _take_note(connection, use)
            _change(connection, use.study_instance_uid, {"generation": generation})
        return True

    def _select(self, query: Select[tuple[object, ...]]) -> tuple[LabUse, ...]:
        with reading(self._engine) as connection:
            return tuple(_use(row) for row in connection.execute(query).mappings())


def _of(study_instance_uid: str) -> Select[tuple[object, ...]]:
    return select(_U).where(_U.c.study_instance_uid == study_instance_uid).with_for_update()


def _joined() -> Select[tuple[object, ...]]:
    studies = schema.studies
    same = (studies.c.study_instance_uid == _U.c.study_instance_uid, studies.c.generation == _U.c.generation)
    return select(_U, studies.c.state).join(studies, and_(*same))


def _change(connection: Connection, study_instance_uid: str, row: Mapping[str, object]) -> None:
    connection.execute(update(_U).where(_U.c.study_instance_uid == study_instance_uid).values(**row))


def _take_note(connection: Connection, use: LabUse) -> None:
    # A value that came in between has marked the study again.
    connection.execute(
        update(_U)
        .where(_U.c.study_instance_uid == use.study_instance_uid, _U.c.changed_at == use.changed_at)
        .values(changed_at=None)
    )


def _use(row: RowMapping) -> LabUse:
    return LabUse(
        study_instance_uid=row["study_instance_uid"],
        patient=PatientIdentity(row["patient_id"], row["issuer"]),
        examined=Examined(
            date.fromisoformat(row["examined_on"]) if row["examined_on"] else None,
            time.fromisoformat(row["began_at"]) if row["began_at"] else None,
        ),
        generation=row["generation"],
        chosen=json.loads(row["chosen"]),
        has_risk=row["has_risk"],
        result_at=row["result_at"],
        changed_at=row["changed_at"],
        state=StudyState(row["state"]),
    )
