"""The outbox: one row for each object and destination, from waiting to delivered."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, exists, func, or_, select

from node.ledger import delivery, schema
from node.ledger.connection import reading
from node.ledger.delivery_records import Delivery, DeliveryState
from node.ledger.delivery_rows import OLDEST_STUDY_FIRST, enter, read
from node.ledger.due import Due
from node.ledger.history import note
from node.ledger.records import ResultObject
from node.ledger.rows import locked

_T = schema.outbox

HURRIED = "hurried"
"""In the history: a person let what waits go at once."""
MAXIMUM_DUE = 300
"""Objects read at once: a peer that was away for a month must not fill the memory."""
_UNDERWAY = (DeliveryState.WAITING.value, DeliveryState.STORED.value)
_NOT_CONFIRMED = (*_UNDERWAY, DeliveryState.REFUSED.value, DeliveryState.UNCONFIRMED.value)


class Outbox:
    """The deliveries of one ledger; every method is one transaction.

    Whatever changes a delivery locks its study first, as the workers do: two orders would be a deadlock.

    Parameters
    ----------
    engine
        Of the ledger.
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s: waits for the next attempt are counted by it.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._due = Due(clock, monotonic_s)

    def due(self, destination: str) -> tuple[Delivery, ...]:
        """Return what may be sent to `destination` now: the oldest study first, SEG before SR before summary.

        Where an object still waits for its next attempt, those behind it wait as well. Not more than
        `MAXIMUM_DUE`, which may end in the middle of a study.
        """
        waiting = read(
            self._engine,
            select(_T)
            .where(_T.c.destination == destination, _T.c.state == DeliveryState.WAITING.value)
            .order_by(*OLDEST_STUDY_FIRST),
        )
        now_due = self._due.now(waiting, destination, DeliveryState.WAITING)
        blocked: set[str] = set()
        ready = []
        for item in waiting:
            if item.number not in now_due:
                blocked.add(item.study_instance_uid)
            elif item.study_instance_uid not in blocked:
                ready.append(item)
            if len(ready) == MAXIMUM_DUE:
                break
        return tuple(ready)

    def open(self) -> tuple[Delivery, ...]:
        """Return what no peer has confirmed; what was refused before a later result is settled by that."""
        study = schema.studies
        present = and_(
            _T.c.study_instance_uid == study.c.study_instance_uid, _T.c.generation == study.c.generation
        )
        counts = or_(_T.c.state.in_(_UNDERWAY), exists().where(present))
        return read(self._engine, select(_T).where(_T.c.state.in_(_NOT_CONFIRMED), counts).order_by(_T.c.number))

    def overdue(self, before: datetime) -> Mapping[str, int]:
        """Return how many studies wait for each peer whose results were written before `before`, by peer."""
        results = schema.results
        query = (
            select(_T.c.destination, func.count(_T.c.study_instance_uid.distinct()))
            .join(results, results.c.sop_instance_uid == _T.c.sop_instance_uid)
            .where(
                _T.c.state.in_([DeliveryState.WAITING.value, DeliveryState.STORED.value]),
                results.c.written_at < before,
            )
            .group_by(_T.c.destination)
        )
        with reading(self._engine) as connection:
            return {str(name): int(number) for name, number in connection.execute(query)}

    def remarked(self, limit: int = 20) -> tuple[Delivery, ...]:
        """Return the last objects that a peer stored with a remark, the youngest first."""
        return read(
            self._engine, select(_T).where(_T.c.warning.is_not(None)).order_by(_T.c.number.desc()).limit(limit)
        )

    def count(self) -> Mapping[tuple[str, DeliveryState], int]:
        """Return how many objects stand in each state, by destination."""
        query = select(_T.c.destination, _T.c.state, func.count()).group_by(_T.c.destination, _T.c.state)
        with reading(self._engine) as connection:
            return {
                (str(name), DeliveryState(state)): int(number) for name, state, number in connection.execute(query)
            }

    def of_study(self, study_instance_uid: str) -> tuple[Delivery, ...]:
        """Return the deliveries of a study, in the order in which they were entered."""
        return read(
            self._engine, select(_T).where(_T.c.study_instance_uid == study_instance_uid).order_by(_T.c.number)
        )

    def stored(self, item: Delivery, warning: str | None = None) -> None:
        """Enter that the peer answered Success; it still owes its confirmation.

        Parameters
        ----------
        warning
            Its remark, where the status was a warning.
        """
        fresh = {"requests": 0, "absences": 0, "error": None, "confirmed_by": None}
        enter(
            self._engine,
            self._clock(),
            item,
            DeliveryState.STORED,
            not_before=self._clock(),
            warning=warning,
            **fresh,
        )

    def send_again(self, study_instance_uid: str, by: str) -> None:
        """Put back what a peer refused, or could not confirm, of one study.

        Parameters
        ----------
        by
            Who asked, for the history.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        IllegalTransitionError
            It has come to no such end.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            delivery.send_again(connection, locked(connection, study_instance_uid), now, by)

    def hurry(self, study_instance_uid: str, by: str) -> None:
        """Make due now what a study that is being delivered still waits for.

        Parameters
        ----------
        by
            Who asked, for the history.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            locked(connection, study_instance_uid)
            delivery.hurry(connection, study_instance_uid, now)
            note(connection, study_instance_uid, now, HURRIED, f"by {by}")

    def again(self, item: Delivery, error: str, retry_in_s: float) -> None:
        """Enter that an attempt failed and when the next is due."""
        later = self._clock() + timedelta(seconds=retry_in_s)
        enter(
            self._engine,
            self._clock(),
            item,
            DeliveryState.WAITING,
            attempts=item.attempts + 1,
            not_before=later,
            error=error,
        )
        self._due.begin([item], later, DeliveryState.WAITING)

    def refused(self, item: Delivery, error: str) -> None:
        """Enter that the peer will never take this object; of a report that went in several classes, the first."""
        enter(self._engine, self._clock(), item, DeliveryState.REFUSED, attempts=item.attempts + 1, error=error)

    def replaced(self, item: Delivery, simpler: ResultObject, error: str) -> None:
        """Enter that the peer does not take the SOP class of `item`, and that it gets `simpler` in its place."""
        now = self._clock()
        with self._engine.begin() as connection:
            locked(connection, item.study_instance_uid)
            detail = f"{item.kind} at {item.destination}, as {simpler.sop_class_uid}: {error}"
            if delivery.replace(connection, item, simpler, error, now):
                note(connection, item.study_instance_uid, now, "object-replaced", detail)
            # The peer may have that one already.
            delivery.settle(connection, item.study_instance_uid, now)
