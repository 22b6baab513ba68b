"""Laboratory values in the ledger: entered once, corrected, withdrawn, moved with their patient."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import Engine, RowMapping, select

from node.labs.observation import PatientIdentity
from node.ledger import lab_schema
from node.ledger.connection import reading
from node.ledger.lab_entry import enter_results
from node.ledger.lab_gone import let_go
from node.ledger.lab_messages import ControlIdInUseError, Incoming, enter_latest, take_message
from node.ledger.lab_patients import resolve
from node.ledger.lab_reconcile import merge_and_reconcile
from node.ledger.lab_records import (
    Entered,
    LabMessage,
    LabRefusal,
    LabSource,
    LabState,
    LabValue,
    PatientMerge,
    PatientResults,
    Taken,
)

_V = lab_schema.values


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
            if message is not None and not enter_latest(connection, message, now, again=again):
                return entered
            for wanted in merges:
                merge_and_reconcile(connection, wanted, now)
            for part in results:
                entered += enter_results(connection, source, sender, part, now)
        return entered

    def let_go(self, sender: str, patient: PatientIdentity, stated: Collection[str]) -> int:
        """Withdraw what a server does not state any more; see `lab_gone.let_go`."""
        with self._engine.begin() as connection:
            return let_go(connection, sender, patient, stated, self._clock())

    def take(
        self, message: LabMessage, results: Sequence[PatientResults], merges: Sequence[PatientMerge] = ()
    ) -> Taken:
        """Enter all of an HL7 message, durably, or nothing of it where it is known already.

        Look-up and entry are one transaction: one wait for the disk a message.

        Raises
        ------
        ControlIdInUseError
            Its control ID named another message within `CONTROL_ID_LIFE`.
        """
        (taken,) = self.take_group([Incoming(message, results, merges)])
        if isinstance(taken, ControlIdInUseError):
            raise taken
        return taken

    def take_group(self, group: Sequence[Incoming]) -> list[Taken | ControlIdInUseError]:
        """Enter several HL7 messages that wait together in one transaction: one wait for the disk for all of them.

        Raises
        ------
        SQLAlchemyError
            The database does not answer, or does not take one of them; none was entered.
        """
        found: list[Taken | ControlIdInUseError] = []
        now = self._clock()
        with self._engine.begin() as connection:
            for incoming in group:
                try:
                    found.append(take_message(connection, incoming, now))
                except ControlIdInUseError as error:  # It is raised before anything is entered.
                    found.append(error)
        return found

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


def _value(row: RowMapping) -> LabValue:
    names = [name for name in LabValue.__dataclass_fields__ if name != "state"]
    return LabValue(**{name: row[name] for name in names}, state=LabState(row["state"]))
