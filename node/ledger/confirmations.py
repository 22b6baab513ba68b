"""Confirmations: what a peer stored, when it is asked about it, and what it answers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, case, select, update

from node.ledger import commitment, delivery, schema
from node.ledger.connection import reading
from node.ledger.delivery_records import Confirmation, Delivery, DeliveryState
from node.ledger.delivery_rows import OLDEST_STUDY_FIRST, enter, read
from node.ledger.due import Due
from node.ledger.rows import locked

_T = schema.outbox
_C = schema.commitments


class Confirmations:
    """What peers confirm of the deliveries of one ledger; every method is one transaction.

    Whatever changes a delivery locks its study first, as in `Outbox`.

    Parameters
    ----------
    engine
        Of the ledger.
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s: waits for the next question are counted by it.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._due = Due(clock, monotonic_s)

    def uncommitted(self, destination: str) -> tuple[Delivery, ...]:
        """Return what `destination` stored and should be asked about now, of studies that are sent in full."""
        open_rows = read(
            self._engine,
            select(_T)
            .where(
                _T.c.destination == destination,
                _T.c.state.in_([DeliveryState.WAITING.value, DeliveryState.STORED.value]),
            )
            .order_by(*OLDEST_STUDY_FIRST),
        )
        unsent = {item.study_instance_uid for item in open_rows if item.state is DeliveryState.WAITING}
        stored = [item for item in open_rows if item.state is DeliveryState.STORED]
        now_due = self._due.now(stored, destination, DeliveryState.STORED)
        return tuple(item for item in stored if item.study_instance_uid not in unsent and item.number in now_due)

    def confirmed(self, items: Sequence[Delivery], by: Confirmation) -> None:
        """Enter that the peer has `items`, all of one study."""
        for item in items:
            enter(self._engine, self._clock(), item, DeliveryState.DELIVERED, error=None, confirmed_by=by.value)

    def unconfirmed(self, items: Sequence[Delivery], because: str) -> None:
        """Enter that the peer can confirm nothing about `items`, all of one study."""
        for item in items:
            enter(self._engine, self._clock(), item, DeliveryState.UNCONFIRMED, error=because)

    def absent(self, items: Sequence[Delivery], ask_again_in_s: float) -> None:
        """Enter that a query did not find `items`, all of one study, and when to look again."""
        now = self._clock()
        with self._engine.begin() as connection:
            locked(connection, items[0].study_instance_uid)
            later = commitment.absent(connection, [item.number for item in items], now, ask_again_in_s)
            delivery.settle(connection, items[0].study_instance_uid, now)
        self._due.begin(items, later, DeliveryState.STORED)

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


def _stored(items: Sequence[Delivery]) -> ColumnElement[bool]:
    return and_(_T.c.number.in_([item.number for item in items]), _T.c.state == DeliveryState.STORED.value)
