"""What people were told of, so that each event is told once: a row stands as long as its condition does."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, select, update

from node.ledger import schema
from node.ledger.connection import insert_new, reading

_T = schema.notices


@dataclass(frozen=True)
class Notice:
    """One condition that somebody should know of.

    Parameters
    ----------
    kind
        Such as ``parked``.
    subject
        What it is about; with the kind it names the event.
    text
        One sentence, with what to do; no patient data.
    """

    kind: str
    subject: str
    text: str


class Notices:
    """The notices of one ledger; every method is one transaction.

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

    def sync(self, present: Iterable[Notice], kinds: Collection[str], channels: Sequence[str]) -> None:
        """Enter what is new, and forget what is over: if it comes back, it is told again.

        Parameters
        ----------
        kinds
            That were looked at; the others stay as they are.
        channels
            On each of which each notice is told.
        """
        now = self._clock()
        found = {(item.kind, item.subject): item for item in present}
        with self._engine.begin() as connection:
            rows = connection.execute(select(_T.c.kind, _T.c.subject).where(_T.c.kind.in_(kinds)).distinct())
            for kind, subject in [tuple(row) for row in rows if tuple(row) not in found]:
                connection.execute(delete(_T).where(_T.c.kind == kind, _T.c.subject == subject))
            for item in found.values():
                for channel in channels:
                    insert_new(connection, _T, {**vars(item), "channel": channel, "raised_at": now, "attempts": 0})

    def standing(self, kinds: Collection[str]) -> frozenset[tuple[str, str]]:
        """Return kind and subject of the notices of some kinds that stand."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(_T.c.kind, _T.c.subject).where(_T.c.kind.in_(kinds)).distinct())
            return frozenset((str(kind), str(subject)) for kind, subject in rows)

    def untold(self, channel: str) -> tuple[Notice, ...]:
        """Return what was not yet told on a channel, the oldest first."""
        query = (
            select(_T.c.kind, _T.c.subject, _T.c.text)
            .where(_T.c.channel == channel, _T.c.told_at.is_(None))
            .order_by(_T.c.raised_at, _T.c.kind, _T.c.subject)
        )
        with reading(self._engine) as connection:
            return tuple(Notice(*row) for row in connection.execute(query))

    def told(self, channel: str, notices: Iterable[Notice]) -> None:
        """Enter that notices were told on a channel."""
        self._set(channel, notices, told_at=self._clock(), error=None)

    def failed(self, channel: str, notices: Iterable[Notice], error: str) -> None:
        """Enter that notices could not be told on a channel."""
        self._set(channel, notices, attempts=_T.c.attempts + 1, error=error)

    def _set(self, channel: str, notices: Iterable[Notice], **values: object) -> None:
        with self._engine.begin() as connection:
            for item in notices:
                same = (_T.c.kind == item.kind, _T.c.subject == item.subject, _T.c.channel == channel)
                connection.execute(update(_T).where(*same).values(**values))

    def waiting(self) -> Mapping[str, tuple[int, str]]:
        """Return of each channel how many notices were tried in vain, and why the last of them failed."""
        query = (
            select(_T.c.channel, func.count(), func.max(_T.c.error))
            .where(_T.c.told_at.is_(None), _T.c.attempts > 0)
            .group_by(_T.c.channel)
        )
        with reading(self._engine) as connection:
            return {str(row[0]): (int(row[1]), str(row[2])) for row in connection.execute(query)}

    def count(self) -> Mapping[str, int]:
        """Return how many notices stand, by kind."""
        distinct = select(_T.c.kind, _T.c.subject).distinct().subquery()
        query = select(distinct.c.kind, func.count()).group_by(distinct.c.kind)
        with reading(self._engine) as connection:
            return {str(kind): int(number) for kind, number in connection.execute(query)}
