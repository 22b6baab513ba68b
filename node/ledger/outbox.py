"""The outbox: one row for each object and destination, from waiting to delivered."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, RowMapping, Select, func, select, update

from node.ledger import commitment, delivery, schema
from node.ledger.connection import reading
from node.ledger.history import note
from node.ledger.records import Delivery, DeliveryState, ObjectKind
from node.ledger.rows import locked

_T = schema.outbox
_C = schema.commitments


class Outbox:
    """The deliveries of one ledger; every method is one transaction.

    Whatever changes a delivery locks its study first, as the workers do: two orders would be a deadlock.

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

    def due(self, destination: str) -> tuple[Delivery, ...]:
        """Return what may be sent to `destination` now: by study, SEG before SR before summary.

        Where an object still waits for its next attempt, those behind it wait as well.
        """
        now = self._clock()
        waiting = self._select(
            select(_T)
            .where(_T.c.destination == destination, _T.c.state == DeliveryState.WAITING.value)
            .order_by(_T.c.study_instance_uid, _T.c.rank, _T.c.number)
        )
        blocked: set[str] = set()
        ready = []
        for item in waiting:
            if item.not_before > now:
                blocked.add(item.study_instance_uid)
            elif item.study_instance_uid not in blocked:
                ready.append(item)
        return tuple(ready)

    def uncommitted(self, destination: str) -> tuple[Delivery, ...]:
        """Return what `destination` stored and should be asked about now, of studies that are sent in full."""
        now = self._clock()
        open_rows = self._select(
            select(_T)
            .where(
                _T.c.destination == destination,
                _T.c.state.in_([DeliveryState.WAITING.value, DeliveryState.STORED.value]),
            )
            .order_by(_T.c.study_instance_uid, _T.c.rank, _T.c.number)
        )
        unsent = {item.study_instance_uid for item in open_rows if item.state is DeliveryState.WAITING}
        return tuple(
            item for item in open_rows if item.study_instance_uid not in unsent and item.not_before <= now
        )

    def open(self) -> tuple[Delivery, ...]:
        """Return everything that has not reached its peer, the refused included."""
        states = [DeliveryState.WAITING.value, DeliveryState.STORED.value, DeliveryState.REFUSED.value]
        return self._select(select(_T).where(_T.c.state.in_(states)).order_by(_T.c.number))

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

    def stored(self, item: Delivery, *, commitment: bool) -> None:
        """Enter that the peer answered Success; with `commitment` it still owes its confirmation."""
        state = DeliveryState.STORED if commitment else DeliveryState.DELIVERED
        self._set(item, state, not_before=self._clock(), requests=0, error=None)

    def again(self, item: Delivery, error: str, retry_in_s: float) -> None:
        """Enter that an attempt failed and when the next is due."""
        later = self._clock() + timedelta(seconds=retry_in_s)
        self._set(item, DeliveryState.WAITING, attempts=item.attempts + 1, not_before=later, error=error)

    def refused(self, item: Delivery, error: str) -> None:
        """Enter that the peer will never take this object."""
        self._set(item, DeliveryState.REFUSED, attempts=item.attempts + 1, error=error)

    def requested(self, items: Sequence[Delivery], transaction_uid: str, ask_again_in_s: float) -> None:
        """Enter a storage commitment request for `items`, all of one study and destination, before it is sent."""
        now = self._clock()
        with self._engine.begin() as connection:
            first = items[0]
            locked(connection, first.study_instance_uid)
            commitment.open_request(connection, transaction_uid, first.study_instance_uid, first.destination, now)
            connection.execute(
                update(_T)
                .where(_T.c.number.in_([item.number for item in items]), _T.c.state == DeliveryState.STORED.value)
                .values(requests=_T.c.requests + 1, not_before=now + timedelta(seconds=ask_again_in_s))
            )

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
            connection.execute(
                update(_T)
                .where(_T.c.number == item.number, _T.c.state == item.state.value)
                .values(state=state.value, **values)
            )
            detail = f"{item.kind} at {item.destination}"
            note(connection, item.study_instance_uid, now, f"object-{state}", _with(detail, values.get("error")))
            delivery.settle(connection, item.study_instance_uid, now)

    def _select(self, query: Select[Any]) -> tuple[Delivery, ...]:
        with reading(self._engine) as connection:
            return tuple(_delivery(row) for row in connection.execute(query).mappings())


def _with(detail: str, reason: object) -> str:
    return f"{detail}: {reason}" if reason else detail


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**{**values, "kind": ObjectKind(row["kind"]), "state": DeliveryState(row["state"])})
