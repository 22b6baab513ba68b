"""What is new in the ledger since a row number: for those who follow it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Engine, and_, func, select

from node.ledger import schema
from node.ledger.connection import reading
from node.ledger.records import StudyEvent

SETTLE = timedelta(seconds=10)


@dataclass(frozen=True)
class Arrived:
    """Instances of one study from one peer.

    Parameters
    ----------
    last_number
        Of their rows.
    """

    study_instance_uid: str
    calling_ae_title: str
    peer: str
    instances: int
    last_number: int


class Changes:
    """Reads rows in the order of their numbers, up to the first that is younger than `SETTLE`.

    PostgreSQL gives numbers before it commits: a row that is seen now may have a lower one beside it that is not
    there yet. Nobody's transaction takes longer than `SETTLE`.

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

    def arrived(self, after: int) -> tuple[Arrived, ...]:
        """Return what arrived behind the row `after`, by study and peer, in the order of their last rows."""
        table = schema.instances
        group = (table.c.study_instance_uid, table.c.calling_ae_title, table.c.peer)
        last = func.max(table.c.number)
        with reading(self._engine) as connection:
            settled = self._settled(connection, table.c.number, table.c.received_at, after)
            query = select(*group, func.count(), last).where(settled).group_by(*group).order_by(last)
            return tuple(Arrived(*row) for row in connection.execute(query))

    def events(self, after: int) -> tuple[tuple[int, StudyEvent], ...]:
        """Return the history of all studies behind the row `after`, with row numbers."""
        table = schema.events
        with reading(self._engine) as connection:
            settled = self._settled(connection, table.c.number, table.c.at, after)
            rows = connection.execute(select(table).where(settled).order_by(table.c.number)).mappings().all()
        return tuple(
            (row["number"], StudyEvent(row["study_instance_uid"], row["at"], row["event"], row["detail"]))
            for row in rows
        )

    def a_file(self, study_instance_uid: str) -> str:
        """Return the path in the inbox of any image of a study; empty where there is none any more."""
        table = schema.instances
        query = select(table.c.path).where(table.c.study_instance_uid == study_instance_uid).limit(1)
        with reading(self._engine) as connection:
            return str(connection.scalar(query) or "")

    def _settled(
        self, connection: Connection, number: Column[int], at: Column[datetime], after: int
    ) -> ColumnElement[bool]:
        young = connection.scalar(select(func.min(number)).where(number > after, at > self._clock() - SETTLE))
        return number > after if young is None else and_(number > after, number < young)

    def destinations(self, event: StudyEvent) -> tuple[str, ...]:
        """Return the peers that results of the study of `event` go to."""
        table = schema.outbox
        query = (
            select(table.c.destination).where(table.c.study_instance_uid == event.study_instance_uid).distinct()
        )
        with reading(self._engine) as connection:
            return tuple(sorted(connection.scalars(query)))
