"""Rows to records, and the one way in which a study changes its state."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from config.errors import NodeError
from node.ledger import schema
from node.ledger.history import note
from node.ledger.records import Claim, InstanceRecord, ObjectKind, ResultObject, StudyRecord
from node.states import Event, StudyState, next_state

FREE: dict[str, object] = {"owner": None, "lease_expires_at": None}
"""Columns of a study that nobody holds."""


class UnknownStudyError(NodeError):
    """The ledger has no such study."""

    def __init__(self, study_instance_uid: str) -> None:
        self.study_instance_uid = study_instance_uid
        super().__init__(f"no study {study_instance_uid} in the ledger; `mvi-node studies list` shows them")


class LostClaimError(NodeError):
    """The study was taken away from its worker: the lease ran out, or a new image arrived."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        super().__init__(f"the claim of {claim.owner} on {claim.study_instance_uid} is void")


def to_study(row: RowMapping) -> StudyRecord:
    """Return a row of `studies` as a record."""
    return StudyRecord(**{**row, "state": StudyState(row["state"])})


def to_instance(row: RowMapping) -> InstanceRecord:
    """Return a row of `instances` as a record."""
    return InstanceRecord(**{name: row[name] for name in InstanceRecord.__dataclass_fields__})


def to_result(row: RowMapping) -> ResultObject:
    """Return a row of `results` as a record."""
    return ResultObject(ObjectKind(row["kind"]), row["sop_class_uid"], row["sop_instance_uid"], row["path"])


def locked(connection: Connection, study_instance_uid: str) -> StudyRecord:
    """Return a study that nobody else changes until the transaction ends.

    Raises
    ------
    UnknownStudyError
        There is none.
    """
    query = select(schema.studies).where(schema.studies.c.study_instance_uid == study_instance_uid)
    row = connection.execute(query.with_for_update()).mappings().first()
    if row is None:
        raise UnknownStudyError(study_instance_uid)
    return to_study(row)


def held(connection: Connection, claim: Claim) -> StudyRecord:
    """Return the study of a claim, locked.

    Raises
    ------
    LostClaimError
        Another holds it, or it has changed since it was claimed.
    """
    study = locked(connection, claim.study_instance_uid)
    if (study.state, study.owner, study.generation) != (StudyState.ANALYSING, claim.owner, claim.generation):
        raise LostClaimError(claim)
    return study


def move(
    connection: Connection, study: StudyRecord, event: Event, now: datetime, detail: str = "", **values: object
) -> StudyRecord:
    """Apply `event` to a locked study, with other columns beside it, and note it in the history.

    Raises
    ------
    IllegalTransitionError
        The study cannot have this event in its state.
    """
    state = next_state(study.state, event)
    connection.execute(
        update(schema.studies)
        .where(schema.studies.c.study_instance_uid == study.study_instance_uid)
        .values(state=state.value, updated_at=now, **values)
    )
    note(connection, study.study_instance_uid, now, event.value, detail)
    return locked(connection, study.study_instance_uid)
