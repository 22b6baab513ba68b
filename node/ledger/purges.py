"""Studies whose images and results are deleted: which may be, and what the ledger forgets of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, or_, select

from node.ledger import lab_schema, schema
from node.ledger.connection import reading
from node.ledger.delivery_records import DeliveryState
from node.ledger.interventions import demand
from node.ledger.records import StudyRecord
from node.ledger.rows import FREE, locked, move, to_study
from node.states import Event, StudyState

BY_RULE = "rule of retention"
"""What the history says in place of a person."""

May = Callable[[Connection, StudyRecord], bool]
"""Says of a locked study whether it may be deleted."""

_T, _I, _R, _O = schema.studies, schema.instances, schema.results, schema.outbox
_UNDER_WAY = (DeliveryState.WAITING.value, DeliveryState.STORED.value, DeliveryState.REFUSED.value)


@dataclass(frozen=True)
class Extent:
    """How much of a study is deleted."""

    images: bool = True
    results: bool = True

    def __str__(self) -> str:
        """Return it for the history."""
        return " and ".join(name for name in ("images", "results") if getattr(self, name))


@dataclass(frozen=True)
class Purged:
    """What was deleted of one study.

    Parameters
    ----------
    files
        Of the inbox.
    size_bytes
        Of these.
    results
        Result objects.
    """

    study_instance_uid: str
    files: int
    size_bytes: int
    results: int


def is_delivered(connection: Connection, study: StudyRecord, *, unconfirmed: bool) -> bool:
    """Tell whether nothing of a study would be lost: its peers have the results, or it has no image at all.

    Parameters
    ----------
    unconfirmed
        Whether Success alone counts, of a peer that can confirm nothing.
    """
    if study.state is StudyState.RECEIVING and study.images == 0:
        return True
    ended = {StudyState.DELIVERED, StudyState.PURGED, *([StudyState.UNCONFIRMED] if unconfirmed else [])}
    query = select(func.count()).where(_open(study.study_instance_uid, unconfirmed=unconfirmed))
    return study.state in ended and not connection.scalar(query)


class Purges:
    """What is due for deletion, and its deletion.

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

    def images_due(self, before: datetime, *, unconfirmed: bool) -> tuple[StudyRecord, ...]:
        """Return the studies with files in the inbox that came to their end before `before`, the oldest first.

        That is: their results are confirmed, or what they hold is context only, or came after an earlier purge.
        """
        ended = [StudyState.DELIVERED, *([StudyState.UNCONFIRMED] if unconfirmed else [])]
        query = select(_T).where(
            or_(
                _T.c.state.in_([state.value for state in ended]) & (_T.c.updated_at <= before),
                (_T.c.state == StudyState.RECEIVING.value) & (_T.c.images == 0) & (_T.c.updated_at <= before),
                (_T.c.state == StudyState.PURGED.value) & (_T.c.updated_at <= before),
            ),
            select(_I.c.number).where(_I.c.study_instance_uid == _T.c.study_instance_uid).exists(),
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_T.c.updated_at, _T.c.study_instance_uid)).mappings()
            return tuple(to_study(row) for row in rows)

    def results_due(self, before: datetime, *, unconfirmed: bool) -> tuple[StudyRecord, ...]:
        """Return the studies without images whose last result was written before `before` and is delivered."""
        last = (
            select(func.max(_R.c.written_at)).where(_R.c.study_instance_uid == _T.c.study_instance_uid)
        ).scalar_subquery()
        open_rows = select(_O.c.number).where(_open(_T.c.study_instance_uid, unconfirmed=unconfirmed)).exists()
        query = select(_T).where(_T.c.state == StudyState.PURGED.value, last <= before, ~open_rows)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(_T.c.updated_at, _T.c.study_instance_uid)).mappings()
            return tuple(to_study(row) for row in rows)

    def purge(
        self,
        study_instance_uid: str,
        extent: Extent,
        by: str,
        set_aside: Callable[[], object],
        may: May,
    ) -> Purged | None:
        """Forget what a study had, in the one transaction in which its files are set aside.

        Whoever receives an image of the study at the same time waits for the transaction, and looks afterwards
        whether its file is still there.

        Parameters
        ----------
        by
            Who asked, or `BY_RULE`.
        set_aside
            Takes the files away, so that they can be put back; whatever it raises leaves the ledger as it was.
        may
            Looks at the locked study; where it says no, nothing is done.

        Returns
        -------
        Purged | None
            None where `may` said no.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        NotNowError
            It is being analysed.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            study = locked(connection, study_instance_uid)
            demand(study, Event.PURGE)
            if not may(connection, study):
                return None
            set_aside()
            files, size_bytes = _forget_images(connection, study_instance_uid) if extent.images else (0, 0)
            results = _forget_results(connection, study_instance_uid) if extent.results else 0
            if study.state is StudyState.PURGED and not files and not results:
                # Nothing is left of an earlier purge: an event would say that something was deleted.
                return Purged(study_instance_uid, 0, 0, 0)
            detail = f"{by}: {extent}, {files} files, {results} result objects"
            move(connection, study, Event.PURGE, now, detail, not_before=None, **_LEFT, **FREE)
        return Purged(study_instance_uid, files, size_bytes, results)

    def has_instance_at(self, path: str) -> bool:
        """Tell whether the ledger has an instance at this path of the storage folder."""
        with reading(self._engine) as connection:
            return connection.scalar(select(_I.c.number).where(_I.c.path == path).limit(1)) is not None

    def has_result_in(self, folder: str) -> bool:
        """Tell whether the ledger has a result object in this folder of the storage folder."""
        query = select(_R.c.number).where(_R.c.path.startswith(f"{folder}/", autoescape=True)).limit(1)
        with reading(self._engine) as connection:
            return connection.scalar(query) is not None


_LEFT: dict[str, object] = {"images": 0, "conflicting": False, "attempts": 0}


def _open(study_instance_uid: object, *, unconfirmed: bool) -> ColumnElement[bool]:
    states = (*_UNDER_WAY, *(() if unconfirmed else (DeliveryState.UNCONFIRMED.value,)))
    return (_O.c.study_instance_uid == study_instance_uid) & _O.c.state.in_(states)


def _forget_images(connection: Connection, study_instance_uid: str) -> tuple[int, int]:
    of_study = _I.c.study_instance_uid == study_instance_uid
    files, size_bytes = connection.execute(
        select(func.count(), func.coalesce(func.sum(_I.c.size_bytes), 0)).where(of_study)
    ).one()
    connection.execute(delete(_I).where(of_study))
    # They name series that are gone; what comes later is matched by the rules.
    assignments = schema.assignments
    connection.execute(delete(assignments).where(assignments.c.study_instance_uid == study_instance_uid))
    return int(files), int(size_bytes)


def _forget_results(connection: Connection, study_instance_uid: str) -> int:
    of_study = _R.c.study_instance_uid == study_instance_uid
    number = connection.scalar(select(func.count()).select_from(_R).where(of_study))
    for table in (_R, _O, schema.commitments, lab_schema.uses):
        connection.execute(delete(table).where(table.c.study_instance_uid == study_instance_uid))
    return int(number or 0)
