"""Results that their server does not have any more, or has of another patient."""

import logging
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from node.labs.observation import PatientIdentity
from node.ledger import lab_schema
from node.ledger.lab_messages import GONE, enter_latest
from node.ledger.lab_patients import mark_studies, resolve
from node.ledger.lab_records import LabMessage, LabState

logger = logging.getLogger(__name__)

_V, _T = lab_schema.values, lab_schema.merges


def let_go(
    connection: Connection, sender: str, patient: PatientIdentity, stated: Collection[str], now: datetime
) -> int:
    """Withdraw what a server said of a patient before and does not now, and what it says of this one now.

    Parameters
    ----------
    stated
        Keys of the results of which the server states a value that counts, whole.

    Returns
    -------
    int
        How many values were withdrawn.
    """
    merged = _is_merged(connection, patient)
    patient = resolve(connection, patient)
    sent = select(_V).where(_V.c.sender == sender, _V.c.state == LabState.CURRENT.value)
    theirs = (_V.c.patient_id == patient.patient_id) & (_V.c.issuer == patient.issuer)
    gone = list(connection.execute(sent.where(~theirs, _V.c.result_key.in_(stated)).with_for_update()).mappings())
    # Of merged patients the server may know each under an ID of its own, and was asked for one.
    if not merged:
        gone += connection.execute(sent.where(theirs, _V.c.result_key.not_in(stated)).with_for_update()).mappings()
    for row in gone:
        _withdraw(connection, row, stated, now)
    for whose in {PatientIdentity(row["patient_id"], row["issuer"]) for row in gone}:
        mark_studies(connection, whose, now)
    return len(gone)


def _withdraw(connection: Connection, row: RowMapping, stated: Collection[str], now: datetime) -> None:
    changed = {"state": LabState.WITHDRAWN.value, "changed_at": now}
    connection.execute(update(_V).where(_V.c.number == row["number"]).values(**changed))
    moved = row["result_key"] in stated
    because = "its server states it of another patient" if moved else "its server does not state it any more"
    logger.warning("value withdrawn because=%s analyte=%s", because, row["analyte"])
    if not moved:
        # Where it comes back, it counts again.
        control_id = row["message_id"].partition("/_history/")[0]
        enter_latest(connection, LabMessage(row["sender"], control_id, GONE, "", "[]"), now, again=True)


def _is_merged(connection: Connection, patient: PatientIdentity) -> bool:
    into = (_T.c.patient_id == patient.patient_id) & (_T.c.issuer == patient.issuer)
    survivor = select(_T.c.prior_patient_id).where(into).limit(1)
    return resolve(connection, patient) != patient or connection.execute(survivor).first() is not None
