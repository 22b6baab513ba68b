"""The ledger as the rest of the node sees it."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from node.ledger import history, intake, schema
from node.ledger.alone import alone
from node.ledger.assignments import Assignments
from node.ledger.confirmations import Confirmations
from node.ledger.connection import insert_new, make_engine, require_schema
from node.ledger.contacts import Contacts
from node.ledger.failure import LedgerError, told
from node.ledger.interventions import Interventions
from node.ledger.lab_uses import LabUses
from node.ledger.labs import Labs
from node.ledger.notices import Notices
from node.ledger.outbox import Outbox
from node.ledger.purges import Purges
from node.ledger.records import InstanceRecord, Recorded, StudyEvent
from node.ledger.recovery import Recovery
from node.ledger.studies import Studies
from node.ledger.work import Work


def utc_now() -> datetime:
    """Return the time of day, aware, UTC."""
    return datetime.now(UTC)


class Ledger:
    """One database; safe to use from several threads, and from several processes with one ledger each.

    Parameters
    ----------
    engine
        Its schema is current.
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s.

    Attributes
    ----------
    studies
        Questions about studies.
    work
        Claims and outcomes.
    recovery
        Studies that wait for another attempt, or whose worker is gone.
    interventions
        What people change about a study.
    purges
        Studies whose images and results are deleted.
    notices
        What people were told of.
    outbox
        Deliveries.
    confirmations
        What peers confirm of them.
    contacts
        How the peers were reached.
    assignments
        Series that people assigned to roles.
    labs
        Laboratory values.
    lab_uses
        Which study used which of them.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime] = utc_now,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.monotonic_s = monotonic_s
        self.studies = Studies(engine)
        self.work = Work(engine, clock)
        self.recovery = Recovery(engine, clock, monotonic_s)
        self.interventions = Interventions(engine, clock)
        self.purges = Purges(engine, clock)
        self.notices = Notices(engine, clock)
        self.outbox = Outbox(engine, clock, monotonic_s)
        self.confirmations = Confirmations(engine, clock, monotonic_s)
        self.contacts = Contacts(engine, clock, monotonic_s)
        self.assignments = Assignments(engine, clock)
        self.labs = Labs(engine, clock)
        self.lab_uses = LabUses(engine, clock)

    def bind(self, storage_id: str) -> None:
        """Tie the ledger to the storage folder that it is the index of; the first folder stays.

        Raises
        ------
        LedgerError
            It is the index of another folder: by comparison with this one, it would be emptied.
        """
        table = schema.storage
        with self.engine.begin() as connection:
            insert_new(connection, table, {"number": 1, "storage_id": storage_id, "bound_at": self.clock()})
            bound = connection.scalar(select(table.c.storage_id))
        if bound != storage_id:
            place = self.engine.url.render_as_string(hide_password=True)
            raise LedgerError(
                f"the ledger {place} belongs to another storage folder: "
                "set node.storage to that folder, or ledger.url to a ledger of its own"
            )

    def alone(self, what: str) -> AbstractContextManager[bool]:
        """Tell, while the block runs, whether of all nodes that share this ledger this one alone does `what`."""
        return alone(self.engine, what)

    def record_instance(self, instance: InstanceRecord) -> Recorded:
        """Enter one instance of the inbox, durably; doing it twice changes nothing."""
        return self.record_group([instance])[0]

    def record_group(self, instances: Sequence[InstanceRecord]) -> list[Recorded]:
        """Enter all or none of some instances, durably; return of each what it was."""
        with self.engine.begin() as connection:
            return intake.record(connection, instances, self.clock())

    def record_instances(self, records: Iterable[InstanceRecord]) -> Mapping[Recorded, int]:
        """Enter many instances in one transaction; return how many were what."""
        with self.engine.begin() as connection:
            found = intake.record(connection, records, self.clock())
        return {what: found.count(what) for what in Recorded}

    def forget_instances(self, paths: Collection[str]) -> int:
        """Take out the instances whose files are gone, so that they may be sent again; return how many."""
        with self.engine.begin() as connection:
            return intake.forget(connection, paths, self.clock())

    def record_commitment(self, transaction_uid: str, committed: Sequence[str], failed: Mapping[str, str]) -> bool:
        """Enter a peer's answer to a storage commitment request.

        Parameters
        ----------
        transaction_uid
            Of the request.
        committed
            SOP Instance UIDs that the peer will keep.
        failed
            SOP Instance UID to the reason in words.

        Returns
        -------
        bool
            Whether the transaction is one of ours; an unknown one changes nothing.
        """
        return self.confirmations.answered(transaction_uid, committed, failed)

    def history(self, study_instance_uid: str) -> tuple[StudyEvent, ...]:
        """Return what happened to a study, oldest first."""
        return history.history(self.engine, study_instance_uid)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        """Return the ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection; a database that cannot go on, its disk being full, is said in one line.

        Raises
        ------
        LedgerFailureError
            In place of the error of the database.
        """
        self.close()
        if isinstance(error, OperationalError):
            raise told(error) from error


def open_ledger(
    url: str, clock: Callable[[], datetime] = utc_now, monotonic_s: Callable[[], float] = time.monotonic
) -> Ledger:
    """Open the ledger; an empty SQLite database gets its schema.

    Raises
    ------
    LedgerError
        The database cannot be reached, or its schema is another.
    ConfigError
        `url` is not a database URL.
    """
    engine = make_engine(url)
    try:
        require_schema(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine, clock, monotonic_s)
