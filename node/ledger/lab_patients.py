"""Whose laboratory values are whose, through all merges (ADT^A40), and the studies that a change concerns.

Statements are built once here: SQLAlchemy takes longer to build one than to execute it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Table, bindparam, delete, select, update

from node.labs.observation import PatientIdentity
from node.ledger import lab_schema
from node.ledger.connection import insert_new
from node.ledger.lab_records import PatientMerge

_T = lab_schema.merges
_IS_PRIOR = (_T.c.prior_patient_id == bindparam("of_id"), _T.c.prior_issuer == bindparam("of_issuer"))
_RESOLVE: Final = select(_T.c.patient_id, _T.c.issuer).where(*_IS_PRIOR)
_REVIVE: Final = delete(_T).where(*_IS_PRIOR)
_MERGE_AGAIN: Final = update(_T).where(*_IS_PRIOR)
_MARK: Final = (
    update(lab_schema.uses)
    .where(lab_schema.uses.c.patient_id == bindparam("of_id"), lab_schema.uses.c.issuer == bindparam("of_issuer"))
    .values(changed_at=bindparam("now"))
)
_WITH_PATIENT: Final[tuple[Table, ...]] = (
    _T,
    lab_schema.values,
    lab_schema.withdrawals,
    lab_schema.refusals,
    lab_schema.uses,
)


def bound(patient: PatientIdentity) -> Mapping[str, str]:
    """Return the parameters by which the statements of laboratory values name a patient."""
    return {"of_id": patient.patient_id, "of_issuer": patient.issuer}


def resolve(connection: Connection, patient: PatientIdentity) -> PatientIdentity:
    """Return the identity that a patient has after all merges."""
    # One step: `merge` leaves no chains.
    row = connection.execute(_RESOLVE, bound(patient)).first()
    return patient if row is None else PatientIdentity(row[0], row[1])


def merge(connection: Connection, wanted: PatientMerge, now: datetime) -> None:
    """Move whatever is known of one identity to that which survives."""
    prior, survivor = wanted.prior, wanted.survivor
    if prior == survivor:
        return
    # Whoever survives a merge is a patient again, also where an earlier merge said otherwise.
    connection.execute(_REVIVE, bound(survivor))
    own = {"prior_patient_id": prior.patient_id, "prior_issuer": prior.issuer}
    into = {"patient_id": survivor.patient_id, "issuer": survivor.issuer}
    row = {**into, "message_id": wanted.message_id, "merged_at": now}
    if not insert_new(connection, _T, {**own, **row}):
        connection.execute(_MERGE_AGAIN.values(**row), bound(prior))
    for moved in _WITH_PATIENT:
        connection.execute(
            update(moved)
            .where(moved.c.patient_id == prior.patient_id, moved.c.issuer == prior.issuer)
            .values(**into)
        )
    mark_studies(connection, survivor, now)


def mark_studies(connection: Connection, patient: PatientIdentity, now: datetime) -> None:
    """Have the studies of a patient looked at again: a value that they use, or might use, has changed."""
    connection.execute(_MARK, {**bound(patient), "now": now})
