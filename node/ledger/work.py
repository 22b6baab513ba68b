"""Studies as work: who holds what until when, and how it ended."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update

from node.ledger import delivery, schema
from node.ledger.records import Claim, ResultObject, StudyRecord
from node.ledger.rows import FREE, LostClaimError, held, locked, move, to_study
from node.states import Event, StudyState

_T = schema.studies

MAXIMUM_LOST_LEASES = 10
"""A study that takes its worker down this often is parked instead of tried for ever."""


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

        Raises
        ------
        LostClaimError
            The claim is void; nothing was entered.
        """
        now = self._clock()
        outcome = {"outcome": event.value, "code": code, "message": message, **FREE}
        with self._engine.begin() as connection:
            study = move(connection, held(connection, claim), event, now, code or "", **outcome)
            delivery.enqueue(connection, study, objects, destinations, now)
            if destinations:
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

    def wake(self) -> int:
        """Make ready what is due for another attempt; return how many."""
        now = self._clock()
        due = select(_T).where(_T.c.state == StudyState.RETRY.value, _T.c.not_before <= now)
        with self._engine.begin() as connection:
            rows = connection.execute(due.with_for_update(skip_locked=True)).mappings().all()
            for row in rows:
                move(connection, to_study(row), Event.BACK_OFF_OVER, now, not_before=None)
        return len(rows)

    def recover(self, is_dead: Callable[[str], bool] = lambda _owner: False) -> int:
        """Free the studies whose worker is gone: the lease ran out, or `is_dead` says so of its owner."""
        now = self._clock()
        running = select(_T).where(_T.c.state == StudyState.ANALYSING.value).with_for_update(skip_locked=True)
        freed = 0
        with self._engine.begin() as connection:
            for row in connection.execute(running).mappings().all():
                study = to_study(row)
                if (
                    study.lease_expires_at is not None
                    and study.lease_expires_at > now
                    and not is_dead(row["owner"])
                ):
                    continue
                freed += 1
                if study.attempts < MAXIMUM_LOST_LEASES:
                    move(connection, study, Event.LEASE_LOST, now, f"{study.owner} is gone", **FREE)
                    continue
                message = f"its worker was lost {study.attempts} times"
                move(connection, study, Event.BUG, now, message, code="LOST", message=message, **FREE)
        return freed

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
        IllegalTransitionError
            It is still being received, analysed or delivered.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            study = locked(connection, study_instance_uid)
            move(connection, study, Event.ASKED, now, f"by {by}", attempts=0, not_before=None, **FREE)
