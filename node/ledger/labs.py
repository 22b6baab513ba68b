"""Laboratory values in the ledger: entered once, corrected, withdrawn, moved with their patient."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, bindparam, delete, select

from config.errors import NodeError
from node.labs.observation import PatientIdentity
from node.ledger import lab_schema
from node.ledger.connection import insert_new, reading
from node.ledger.lab_entry import enter_results
from node.ledger.lab_patients import merge, resolve
from node.ledger.lab_records import (
    Entered,
    LabMessage,
    LabRefusal,
    LabSource,
    LabState,
    LabValue,
    PatientMerge,
    PatientResults,
)

_V = lab_schema.values
_M = lab_schema.messages
_NAMED_SO: Final = (
    select(_M)
    .where(_M.c.sender == bindparam("of_sender"), _M.c.control_id == bindparam("of_control_id"))
    .order_by(_M.c.received_at.desc(), _M.c.number.desc())
)
_FORGET: Final = delete(_M).where(
    _M.c.sender == bindparam("of_sender"),
    _M.c.control_id == bindparam("of_control_id"),
    _M.c.content_sha256 == bindparam("of_sha256"),
)

CONTROL_ID_LIFE = timedelta(hours=24)
"""Within this time one control ID (MSH-10) names one message; later a sender's counter may have come round."""


class ControlIdInUseError(NodeError):
    """A control ID named another message within `CONTROL_ID_LIFE`."""


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
        again: bool = False,
    ) -> Entered:
        """Enter all of a file or resource, durably, or nothing of it.

        Parameters
        ----------
        message
            What makes it known when it comes again; entered with it.
        again
            Whether what came before counts again where something else came in between.
        """
        now, entered = self._clock(), Entered()
        with self._engine.begin() as connection:
            enter_message = _enter_latest if again else _enter_message
            if message is not None and not enter_message(connection, message, now):
                return entered
            for wanted in merges:
                merge(connection, wanted, now)
            for part in results:
                entered += enter_results(connection, source, sender, part, now)
        return entered

    def take(
        self, message: LabMessage, results: Sequence[PatientResults], merges: Sequence[PatientMerge] = ()
    ) -> LabMessage:
        """Enter all of an HL7 message, durably, or nothing of it where it is known already.

        Look-up and entry are one transaction: one wait for the disk a message.

        Returns
        -------
        LabMessage
            What is to be answered: `message`, or the same as it came first.

        Raises
        ------
        ControlIdInUseError
            Its control ID named another message within `CONTROL_ID_LIFE`.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            key = {"of_sender": message.sender, "of_control_id": message.control_id}
            known = connection.execute(_NAMED_SO, key).mappings().all()
            for row in known:
                if row["content_sha256"] == message.content_sha256:
                    return _message(row)
            if known and known[0]["received_at"] > now - CONTROL_ID_LIFE:
                raise ControlIdInUseError("MSH-10 named another message within the last 24 hours")
            # False: another listener on this database has entered it in between.
            if _enter_message(connection, message, now):
                for wanted in merges:
                    merge(connection, wanted, now)
                for part in results:
                    enter_results(connection, LabSource.HL7, message.sender, part, now)
        return message

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


def _enter_message(connection: Connection, message: LabMessage, now: datetime) -> bool:
    row = {name: getattr(message, name) for name in LabMessage.__dataclass_fields__}
    return insert_new(connection, _M, {**row, "received_at": now})


def _enter_latest(connection: Connection, message: LabMessage, now: datetime) -> bool:
    """Enter what a sender says now; return False where it is what it said last."""
    key = {"of_sender": message.sender, "of_control_id": message.control_id}
    said = [row["content_sha256"] for row in connection.execute(_NAMED_SO, key).mappings()]
    if said[:1] == [message.content_sha256]:
        return False
    if message.content_sha256 in said:
        connection.execute(_FORGET, {**key, "of_sha256": message.content_sha256})
    return _enter_message(connection, message, now)


def _message(row: RowMapping) -> LabMessage:
    return LabMessage(**{name: row[name] for name in LabMessage.__dataclass_fields__})


def _value(row: RowMapping) -> LabValue:
    names = [name for name in LabValue.__dataclass_fields__ if name != "state"]
    return LabValue(**{name: row[name] for name in names}, state=LabState(row["state"]))
