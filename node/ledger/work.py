"""Studies as work: who holds what until when, and how it ended."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update

from node.ledger import delivery, schema
from node.ledger.connection import reading
from node.ledger.interventions import demand
from node.ledger.records import Claim, ObjectKind, ResultObject, StudyRecord
from node.ledger.rows import FREE, LostClaimError, held, locked, move, to_study
from node.states import Event, StudyState

_T = schema.studies

_WITH_RESULT = frozenset(
    {
        *(StudyState.ANALYSED, StudyState.REFUSED, StudyState.DELIVERED),
        *(StudyState.UNCONFIRMED, StudyState.UNDELIVERED),
    }
)


class Work:
    """The work of one ledger; every method is one transaction.

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

    def complete(self, study: StudyRecord, because: str) -> bool:
        """Make a study ready, unless another image arrived since `study` was read; say whether it was."""
        now = self._clock()
        with self._engine.begin() as connection:
            current = locked(connection, study.study_instance_uid)
            if (current.state, current.generation) != (StudyState.RECEIVING, study.generation):
                return False
            move(connection, current, Event.COMPLETE, now, because)
        return True

    def claim(self, owner: str, lease_s: float) -> Claim | None:
        """Take the study that has waited longest, None where nothing waits.

        Parameters
        ----------
        owner
            Names the worker; no two workers have the same name.
        lease_s
            The claim is void after this time unless it is renewed, s.
        """
        now = self._clock()
        # SKIP LOCKED gives two nodes on one PostgreSQL two studies; SQLite has one writer and ignores it.
        query = (
            select(_T)
            .where(_T.c.state == StudyState.READY.value)
            .order_by(_T.c.last_received_at, _T.c.study_instance_uid)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            study = to_study(row)
            attempt = study.attempts + 1
            expires_at = now + timedelta(seconds=lease_s)
            detail = f"attempt {attempt} by {owner}"
            values = {"attempts": attempt, "owner": owner, "lease_expires_at": expires_at}
            move(connection, study, Event.CLAIM, now, detail, **values)
        return Claim(study.study_instance_uid, study.generation, attempt, owner, expires_at)

    def holds(self, claim: Claim) -> bool:
        """Tell whether a claim still stands: no image came, and nobody cancelled the study."""
        query = select(_T.c.state, _T.c.owner, _T.c.generation).where(
            _T.c.study_instance_uid == claim.study_instance_uid
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return row is not None and tuple(row) == (StudyState.ANALYSING.value, claim.owner, claim.generation)

    def renew(self, claim: Claim, lease_s: float) -> Claim:
        """Prolong a claim.

        Raises
        ------
        LostClaimError
            It is void; its work is for nothing.
        """
        expires_at = self._clock() + timedelta(seconds=lease_s)
        with self._engine.begin() as connection:
            held(connection, claim)
            connection.execute(
                update(_T)
                .where(_T.c.study_instance_uid == claim.study_instance_uid)
                .values(lease_expires_at=expires_at)
            )
        return Claim(claim.study_instance_uid, claim.generation, claim.attempt, claim.owner, expires_at)

    def finish(
        self,
        claim: Claim,
        event: Event,
        *,
        objects: Sequence[ResultObject],
        destinations: Sequence[str],
        outputs: Mapping[str, Collection[ObjectKind]] | None = None,
        code: str | None = None,
        message: str | None = None,
    ) -> StudyState:
        """Enter a result or a refusal with its objects, and put them into the outbox, all or nothing.

        Parameters
        ----------
        event
            `Event.ANALYSED` or `Event.REFUSED`.
        destinations
            Names of the peers that receive results; none: the study rests here.
        outputs
            What a destination takes; one that is absent takes everything.

        Raises
        ------
        LostClaimError
            The claim is void; nothing was entered.
        """
        now = self._clock()
        outcome = {"outcome": event.value, "code": code, "message": message, **FREE}
        with self._engine.begin() as connection:
            study = move(connection, held(connection, claim), event, now, code or "", **outcome)
            taken = {name: frozenset((outputs or {}).get(name, ObjectKind)) for name in destinations}
            # A refusal may consist of objects that nobody takes.
            if delivery.enqueue(connection, study, objects, taken, now):
                move(connection, study, Event.ENQUEUED, now, ", ".join(destinations))
                # The same inputs and model give the same objects: the peers may have them all already.
                delivery.settle(connection, claim.study_instance_uid, now)
            return locked(connection, claim.study_instance_uid).state

    def give_up(self, claim: Claim, event: Event, *, code: str, message: str, retry_in_s: float = 0.0) -> None:
        """Enter that an attempt failed.

        Parameters
        ----------
        event
            `Event.UNAVAILABLE` is tried again after `retry_in_s`, `Event.BUG` parks the study.

        Raises
        ------
        LostClaimError
            The claim is void; nothing was entered.
        """
        now = self._clock()
        not_before = now + timedelta(seconds=retry_in_s) if event is Event.UNAVAILABLE else None
        values = {"code": code, "message": message, "not_before": not_before, **FREE}
        with self._engine.begin() as connection:
            move(connection, held(connection, claim), event, now, f"{code}: {message}", **values)

    def release(self, claim: Claim) -> None:
        """Give a claim back untouched: the node stops; a void claim is no error."""
        now = self._clock()
        with self._engine.begin() as connection:
            try:
                study = held(connection, claim)
            except LostClaimError:
                return
            move(connection, study, Event.LEASE_LOST, now, "the node stops", attempts=claim.attempt - 1, **FREE)

    def ask_again(self, study_instance_uid: str, by: str) -> None:
        """Make a study that rests ready once more.

        Parameters
        ----------
        by
            Who asked, for the history.

        Raises
        ------
        UnknownStudyError
            There is none.
        NotNowError
            It is still being received, analysed or delivered, or its images are deleted.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            study = locked(connection, study_instance_uid)
            demand(study, Event.ASKED)
            # The files of a result stay, and with them its delivery and its place in the history.
            generation = study.generation + (study.state in _WITH_RESULT)
            fresh = {"generation": generation, "attempts": 0, "not_before": None, **FREE}
            move(connection, study, Event.ASKED, now, f"by {by}", **fresh)
