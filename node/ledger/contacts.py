"""How the peers were reached: what keeps a peer that is away from being called for each object of the outbox."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, RowMapping, select, update

from node.ledger import schema
from node.ledger.connection import insert_new, reading
from node.ledger.delivery_records import Contact
from node.ledger.waiting import LONGEST_RETRY_S, Until, Waits

_T = schema.contacts

LONGEST_HOLD_S = 3600.0
"""A peer is never left alone for longer, s; one that only people can mend is, and no other."""


class Contacts:
    """The last contact with each peer; every method is one transaction.

    Parameters
    ----------
    engine
        Of the ledger.
    clock
        Time of day, aware.
    monotonic_s
        A clock that never steps back, s: it says when a peer was left alone for long enough.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime], monotonic_s: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._holds: Waits[str] = Waits(monotonic_s)

    def get(self, name: str) -> Contact | None:
        """Return how a peer was last reached, None where nobody tried."""
        with reading(self._engine) as connection:
            row = connection.execute(select(_T).where(_T.c.name == name)).mappings().first()
        return None if row is None else _contact(row)

    def all(self) -> dict[str, Contact]:
        """Return every peer that somebody tried to reach, by name."""
        with reading(self._engine) as connection:
            return {row["name"]: _contact(row) for row in connection.execute(select(_T)).mappings()}

    def is_on_hold(self, name: str) -> bool:
        """Return whether the peer is left alone now."""
        holds = {peer: _hold(contact) for peer, contact in self.all().items() if contact.failures}
        return name in holds and name not in self._holds.over(holds, self._clock())

    def reached(self, name: str) -> None:
        """Enter that the peer answered; whatever waits for it may go."""
        now = self._clock()
        values = {"contacted_at": now, "reached_at": now, "not_before": now}
        self._enter(name, {**values, "failures": 0, "parked": False, "error": None})

    def release(self, name: str) -> None:
        """Let a peer that is left alone be tried at once; what is known of it stays as it is."""
        with self._engine.begin() as connection:
            connection.execute(update(_T).where(_T.c.name == name).values(not_before=self._clock()))

    def failed(self, name: str, error: str, *, retry_in_s: float, parked: bool = False) -> None:
        """Enter that the peer was not reached, or would not deal with this node.

        Parameters
        ----------
        error
            A sentence for the operator.
        retry_in_s
            It is left alone for so long, s.
        parked
            Only people can mend it.
        """
        now = self._clock()
        known = self.get(name)
        failures = 1 if known is None else known.failures + 1
        hold = _until(now + timedelta(seconds=retry_in_s), parked=parked)
        values = {"contacted_at": now, "not_before": hold.time}
        self._enter(name, {**values, "failures": failures, "parked": parked, "error": error})
        self._holds.begin({name: hold}, now)

    def _enter(self, name: str, values: dict[str, object]) -> None:
        with self._engine.begin() as connection:
            if not insert_new(connection, _T, {"name": name, **values}):
                connection.execute(update(_T).where(_T.c.name == name).values(**values))


def _hold(contact: Contact) -> Until:
    return _until(contact.not_before, parked=contact.parked)


def _until(not_before: datetime, *, parked: bool) -> Until:
    return Until(not_before, LONGEST_HOLD_S if parked else LONGEST_RETRY_S)


def _contact(row: RowMapping) -> Contact:
    return Contact(**{name: row[name] for name in Contact.__dataclass_fields__})
