"""Questions about studies and their instances; nothing here changes anything."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Select, func, select

from node.ledger import schema
from node.ledger.connection import reading
from node.ledger.records import InstanceRecord, ResultObject, StudyRecord
from node.ledger.rows import UnknownStudyError, to_instance, to_result, to_study
from node.states import StudyState

_T = schema.studies


class Studies:
    """The studies of one ledger, to read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, study_instance_uid: str) -> StudyRecord:
        """Return one study.

        Raises
        ------
        UnknownStudyError
            There is none.
        """
        found = self._select(select(_T).where(_T.c.study_instance_uid == study_instance_uid))
        if not found:
            raise UnknownStudyError(study_instance_uid)
        return found[0]

    def all(
        self, states: Iterable[StudyState] = (), *, limit: int | None = None, skip: int = 0
    ) -> tuple[StudyRecord, ...]:
        """Return the studies in `states` (in any, where none is named), the last changed first.

        Parameters
        ----------
        limit, skip
            A page: so many studies, after so many that are left out. A node of some years has 100,000.
        """
        query = select(_T).order_by(_T.c.updated_at.desc(), _T.c.study_instance_uid).limit(limit).offset(skip)
        wanted = [state.value for state in states]
        if not wanted:
            return self._select(query)
        # A page of what most studies are is found quicker in the order of changes than by sorting them all.
        state = _T.c.state.concat("") if limit is not None and self._are_most(wanted) else _T.c.state
        return self._select(query.where(state.in_(wanted)))

    def _are_most(self, states: list[str]) -> bool:
        """Say whether more than half of the studies are in `states`; counted in an index."""
        which = select(func.count()).select_from(_T)
        with reading(self._engine) as connection:
            every, some = (connection.scalar(query) or 0 for query in (which, which.where(_T.c.state.in_(states))))
        return 2 * some > every

    def count(self) -> Mapping[StudyState, int]:
        """Return how many studies stand in each state."""
        query = select(_T.c.state, func.count()).group_by(_T.c.state)
        with reading(self._engine) as connection:
            found = {str(state): int(number) for state, number in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in StudyState}

    def instances_entered(self) -> int:
        """Return how many instances have been entered since the ledger was made; quick, whatever its size."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.max(schema.instances.c.number))) or 0)

    def longest_wait_s(self, now: datetime) -> float:
        """Return how long the study that waits longest for a worker has waited; 0 where none does."""
        waiting = [StudyState.READY.value, StudyState.RETRY.value]
        with reading(self._engine) as connection:
            since = connection.scalar(select(func.min(_T.c.last_received_at)).where(_T.c.state.in_(waiting)))
        return max(0.0, (now - since).total_seconds()) if since else 0.0

    def last_change(self) -> datetime | None:
        """Return when a study changed last; None where there is none."""
        with reading(self._engine) as connection:
            changed: datetime | None = connection.scalar(select(func.max(_T.c.updated_at)))
        return changed

    def receiving(self) -> tuple[StudyRecord, ...]:
        """Return the studies that wait for images, the longest first; one without any image is only context."""
        return self._select(
            select(_T)
            .where(_T.c.state == StudyState.RECEIVING.value, _T.c.images > 0)
            .order_by(_T.c.last_received_at, _T.c.study_instance_uid)
        )

    def instances(self, study_instance_uid: str) -> tuple[InstanceRecord, ...]:
        """Return the instances of a study in order of arrival; of a SOP Instance UID in conflict, the first."""
        return self._instances(study_instance_uid, schema.instances.c.conflicting.is_(False))

    def files(self, study_instance_uid: str) -> tuple[InstanceRecord, ...]:
        """Return everything that lies in the inbox of a study, in order of arrival.

        Of a SOP Instance UID in conflict the first that can be read is analysed: where it was damaged on its way,
        the one that was sent again takes its place.
        """
        return self._instances(study_instance_uid)

    def conflicting(self, study_instance_uid: str) -> tuple[str, ...]:
        """Return the SOP Instance UIDs that came again with other bytes, in order of arrival."""
        found = self._instances(study_instance_uid, schema.instances.c.conflicting)
        return tuple(dict.fromkeys(instance.sop_instance_uid for instance in found))

    def _instances(
        self, study_instance_uid: str, *conditions: ColumnElement[bool] | Column[bool]
    ) -> tuple[InstanceRecord, ...]:
        table = schema.instances
        query = select(table).where(table.c.study_instance_uid == study_instance_uid, *conditions)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.number)).mappings()
            return tuple(to_instance(row) for row in rows)

    def results(self, study_instance_uid: str) -> tuple[ResultObject, ...]:
        """Return the result objects of a study, of all its generations, in the order they were first entered."""
        table = schema.results
        query = select(table).where(table.c.study_instance_uid == study_instance_uid).order_by(table.c.number)
        with reading(self._engine) as connection:
            return tuple(to_result(row) for row in connection.execute(query).mappings())

    def last_paths(self, number: int) -> tuple[str, ...]:
        """Return where the last instances that were entered lie, `number` of them."""
        table = schema.instances
        query = select(table.c.path).order_by(table.c.number.desc()).limit(number)
        with reading(self._engine) as connection:
            return tuple(connection.scalars(query))

    def known_paths(self) -> frozenset[str]:
        """Return the paths of all instances, relative to the storage folder."""
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(select(schema.instances.c.path)))

    def _select(self, query: Select[Any]) -> tuple[StudyRecord, ...]:
        with reading(self._engine) as connection:
            return tuple(to_study(row) for row in connection.execute(query).mappings())
