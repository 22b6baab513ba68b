"""Studies that go on without their worker: a back-off is over, a lease ran out, or its owner is gone."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, select

from node.ledger import schema
from node.ledger.connection import reading
from node.ledger.records import StudyRecord
from node.ledger.rows import FREE, locked, move, to_study
from node.ledger.waiting import LONGEST_RETRY_S, Until, Waits
from node.states import Event, StudyState

_T = schema.studies

MAXIMUM_LOST_LEASES = 10
"""A study that takes its worker down this often is parked instead of tried for ever."""
LONGEST_LEASE_S = 120.0
SHORTEST_LEASE_S = 60.0
"""A worker that lives has renewed its claim twice by then, whatever the clock of its machine says, s."""


class Recovery:
    """Makes studies of one ledger ready again; every study is one transaction.

    Parameters
    ----------
    engine
        Of the ledger.
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s: leases and back-offs are counted by it.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._leases: Waits[str] = Waits(monotonic_s)
        self._retries: Waits[str] = Waits(monotonic_s)

    def wake(self) -> int:
        """Make ready what is due for another attempt; return how many."""
        now = self._clock()
        waiting = {study.study_instance_uid: study for study in self._in(StudyState.RETRY)}
        until = {
            uid: Until(study.not_before, LONGEST_RETRY_S)
            for uid, study in waiting.items()
            if study.not_before is not None
        }
        return sum(self._wake(waiting[uid], now) for uid in self._retries.over(until, now))

    def _wake(self, seen: StudyRecord, now: datetime) -> bool:
        with self._engine.begin() as connection:
            study = locked(connection, seen.study_instance_uid)
            if (study.state, study.not_before) != (seen.state, seen.not_before):
                return False
            move(connection, study, Event.BACK_OFF_OVER, now, not_before=None)
        return True

    def recover(self, is_dead: Callable[[str], bool] = lambda _owner: False) -> int:
        """Free the studies whose worker is gone: the lease ran out, or `is_dead` says so of its owner.

        Call it again and again: a lease counts from where it is seen first.
        """
        now = self._clock()
        running = self._in(StudyState.ANALYSING)
        until = {
            study.study_instance_uid: Until(study.lease_expires_at or now, LONGEST_LEASE_S, SHORTEST_LEASE_S)
            for study in running
        }
        over = self._leases.over(until, now)
        return sum(
            self._free(study, now)
            for study in running
            if study.study_instance_uid in over or is_dead(study.owner or "")
        )

    def disown(self, owner: str) -> int:
        """Free what a worker holds that does not know of it; return how many studies.

        The answer to its claim, or to its outcome, may be lost with the connection to the database. Only `owner`
        itself may call this, while it works on nothing.
        """
        now = self._clock()
        held_by_owner = [study for study in self._in(StudyState.ANALYSING) if study.owner == owner]
        return sum(self._free(study, now, "the database was away") for study in held_by_owner)

    def _free(self, seen: StudyRecord, now: datetime, because: str = "") -> bool:
        with self._engine.begin() as connection:
            study = locked(connection, seen.study_instance_uid)
            # It may have ended, or its worker may live and have renewed its lease, since it was looked at.
            holder = (study.state, study.owner, study.lease_expires_at)
            if holder != (seen.state, seen.owner, seen.lease_expires_at):
                return False
            if study.attempts < MAXIMUM_LOST_LEASES:
                move(connection, study, Event.LEASE_LOST, now, because or f"{study.owner} is gone", **FREE)
            else:
                message = f"its worker was lost {study.attempts} times"
                move(connection, study, Event.BUG, now, message, code="LOST", message=message, **FREE)
        return True

    def _in(self, state: StudyState) -> list[StudyRecord]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(_T).where(_T.c.state == state.value)).mappings()
            return [to_study(row) for row in rows]
