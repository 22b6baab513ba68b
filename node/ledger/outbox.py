"""The outbox: one row for each object and destination, from waiting to delivered."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, and_, case, exists, func, or_, select, update

from node.ledger import commitment, delivery, schema
from node.ledger.connection import reading
from node.ledger.delivery_records import Confirmation, Delivery, DeliveryState
from node.ledger.due import Due
from node.ledger.history import note
from node.ledger.records import ObjectKind, ResultObject
from node.ledger.rows import locked

_T = schema.outbox
_C = schema.commitments

HURRIED = "hurried"
"""In the history: a person let what waits go at once."""
MAXIMUM_DUE = 300
"""Objects read at once: a peer that was away for a month must not fill the memory."""
_OLDEST_STUDY_FIRST = (func.min(_T.c.number).over(partition_by=_T.c.study_instance_uid), _T.c.rank, _T.c.number)
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
        waiting = self._select(
            select(_T)
            .where(_T.c.destination == destination, _T.c.state == DeliveryState.WAITING.value)
            .order_by(*_OLDEST_STUDY_FIRST)
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

    def uncommitted(self, destination: str) -> tuple[Delivery, ...]:
        """Return what `destination` stored and should be asked about now, of studies that are sent in full."""
        open_rows = self._select(
            select(_T)
            .where(
                _T.c.destination == destination,
                _T.c.state.in_([DeliveryState.WAITING.value, DeliveryState.STORED.value]),
            )
            .order_by(*_OLDEST_STUDY_FIRST)
        )
        unsent = {item.study_instance_uid for item in open_rows if item.state is DeliveryState.WAITING}
        stored = [item for item in open_rows if item.state is DeliveryState.STORED]
        now_due = self._due.now(stored, destination, DeliveryState.STORED)
        return tuple(item for item in stored if item.study_instance_uid not in unsent and item.number in now_due)

    def open(self) -> tuple[Delivery, ...]:
        """Return what no peer has confirmed; what was refused before a later result is settled by that."""
        study = schema.studies
        present = and_(
            _T.c.study_instance_uid == study.c.study_instance_uid, _T.c.generation == study.c.generation
        )
        counts = or_(_T.c.state.in_(_UNDERWAY), exists().where(present))
        return self._select(select(_T).where(_T.c.state.in_(_NOT_CONFIRMED), counts).order_by(_T.c.number))

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
        return self._select(select(_T).where(_T.c.warning.is_not(None)).order_by(_T.c.number.desc()).limit(limit))

    def count(self) -> Mapping[tuple[str, DeliveryState], int]:
        """Return how many objects stand in each state, by destination."""
        query = select(_T.c.destination, _T.c.state, func.count()).group_by(_T.c.destination, _T.c.state)
        with reading(self._engine) as connection:
            return {
                (str(name), DeliveryState(state)): int(number) for name, state, number in connection.execute(query)
            }

    def of_study(self, study_instance_uid: str) -> tuple[Delivery, ...]:
        """Return the deliveries of a study, in the order in which they were entered."""
        return self._select(select(_T).where(_T.c.study_instance_uid == study_instance_uid).order_by(_T.c.number))

    def stored(self, item: Delivery, warning: str | None = None) -> None:
        """Enter that the peer answered Success; it still owes its confirmation.

        Parameters
        ----------
        warning
            Its remark, where the status was a warning.
        """
        fresh = {"requests": 0, "absences": 0, "error": None, "confirmed_by": None}
        self._set(item, DeliveryState.STORED, not_before=self._clock(), warning=warning, **fresh)

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

    def confirmed(self, items: Sequence[Delivery], by: Confirmation) -> None:
        """Enter that the peer has `items`, all of one study."""
        for item in items:
            self._set(item, DeliveryState.DELIVERED, error=None, confirmed_by=by.value)

    def unconfirmed(self, items: Sequence[Delivery], because: str) -> None:
        """Enter that the peer can confirm nothing about `items`, all of one study."""
        for item in items:
            self._set(item, DeliveryState.UNCONFIRMED, error=because)

    def absent(self, items: Sequence[Delivery], ask_again_in_s: float) -> None:
        """Enter that a query did not find `items`, all of one study, and when to look again."""
        now = self._clock()
        with self._engine.begin() as connection:
            locked(connection, items[0].study_instance_uid)
            later = commitment.absent(connection, [item.number for item in items], now, ask_again_in_s)
            delivery.settle(connection, items[0].study_instance_uid, now)
        self._due.begin(items, later, DeliveryState.STORED)

    def again(self, item: Delivery, error: str, retry_in_s: float) -> None:
        """Enter that an attempt failed and when the next is due."""
        later = self._clock() + timedelta(seconds=retry_in_s)
        self._set(item, DeliveryState.WAITING, attempts=item.attempts + 1, not_before=later, error=error)
        self._due.begin([item], later, DeliveryState.WAITING)

    def refused(self, item: Delivery, error: str) -> None:
        """Enter that the peer will never take this object; of a report that went in several classes, the first."""
        self._set(item, DeliveryState.REFUSED, attempts=item.attempts + 1, error=error)

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

    def requested(self, items: Sequence[Delivery], transaction_uid: str, ask_again_in_s: float) -> None:
        """Enter a storage commitment request for `items`, all of one study and destination, before it is sent."""
        now = self._clock()
        later = now + timedelta(seconds=ask_again_in_s)
        with self._engine.begin() as connection:
            first = items[0]
            locked(connection, first.study_instance_uid)
            commitment.open_request(connection, transaction_uid, first.study_instance_uid, first.destination, now)
            connection.execute(update(_T).where(_stored(items)).values(not_before=later))
        self._due.begin(items, later, DeliveryState.STORED)

    def ask_later(self, items: Sequence[Delivery], in_s: float) -> None:
        """Enter when to ask about `items`, all of one study, again."""
        later = self._clock() + timedelta(seconds=in_s)
        with self._engine.begin() as connection:
            locked(connection, items[0].study_instance_uid)
            connection.execute(update(_T).where(_stored(items)).values(not_before=later))
        self._due.begin(items, later, DeliveryState.STORED)

    def ask_anew(self) -> int:
        """Let everything that was asked about be asked about now; return of how many studies.

        For a receiver that starts: the reports may have come while nobody listened. So a request that may have
        been answered does not count as one that the peer was silent to.
        """
        now = self._clock()
        asked = _T.c.state == DeliveryState.STORED.value
        with reading(self._engine) as connection:
            studies = list(connection.scalars(select(_T.c.study_instance_uid).where(asked).distinct()))
        fewer = case((_T.c.requests > 0, _T.c.requests - 1), else_=0)
        for uid in studies:
            with self._engine.begin() as connection:
                locked(connection, uid)
                of_study = and_(_T.c.study_instance_uid == uid, asked)
                connection.execute(update(_T).where(of_study).values(not_before=now, requests=fewer))
        return len(studies)

    def request_taken(self, items: Sequence[Delivery]) -> None:
        """Enter that the peer took the request: it owes an answer."""
        with self._engine.begin() as connection:
            locked(connection, items[0].study_instance_uid)
            connection.execute(update(_T).where(_stored(items)).values(requests=_T.c.requests + 1))

    def answered(self, transaction_uid: str, committed: Sequence[str], failed: Mapping[str, str]) -> bool:
        """Enter the answer to a request, also one that was repeated meanwhile; say whether it is ours."""
        now = self._clock()
        with self._engine.begin() as connection:
            request = (
                connection.execute(select(_C).where(_C.c.transaction_uid == transaction_uid)).mappings().first()
            )
            if request is None:
                return False
            locked(connection, request["study_instance_uid"])
            connection.execute(update(_C).where(_C.c.transaction_uid == transaction_uid).values(answered_at=now))
            commitment.confirm(connection, request, committed)
            commitment.not_kept(connection, request, failed, now)
            delivery.settle(connection, request["study_instance_uid"], now)
        return True

    def _set(self, item: Delivery, state: DeliveryState, **values: object) -> None:
        now = self._clock()
        with self._engine.begin() as connection:
            locked(connection, item.study_instance_uid)
            # A result of a later generation may have superseded the row while it was on its way.
            changed = connection.execute(
                update(_T)
                .where(_T.c.number == item.number, _T.c.state == item.state.value)
                .values(state=state.value, **values)
            ).rowcount
            if changed and state is DeliveryState.REFUSED:
                delivery.refuse_all_forms(connection, item)
            detail = f"{item.kind} at {item.destination}"
            note(connection, item.study_instance_uid, now, f"object-{state}", _with(detail, values.get("error")))
            delivery.settle(connection, item.study_instance_uid, now)

    def _select(self, query: Select[Any]) -> tuple[Delivery, ...]:
        with reading(self._engine) as connection:
            return tuple(_delivery(row) for row in connection.execute(query).mappings())


def _stored(items: Sequence[Delivery]) -> ColumnElement[bool]:
    return and_(_T.c.number.in_([item.number for item in items]), _T.c.state == DeliveryState.STORED.value)


def _with(detail: str, reason: object) -> str:
    return f"{detail}: {reason}" if reason else detail


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    by = row["confirmed_by"]
    typed = {"kind": ObjectKind(row["kind"]), "state": DeliveryState(row["state"])}
    return Delivery(**{**values, **typed, "confirmed_by": None if by is None else Confirmation(by)})
