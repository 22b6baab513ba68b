"""Series that people assigned to roles by hand: what is in force, what was taken back, and by whom."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from config.errors import NodeError
from node.ledger import schema
from node.ledger.connection import reading
from node.ledger.rows import FREE, locked, move
from node.states import Event, StudyState

_T = schema.assignments


@dataclass(frozen=True)
class Assignment:
    """One series, or the part of it, that a person assigned to a role.

    Parameters
    ----------
    sub_volume
        Name of the part within its series, for people.
    sop_instance_uid, frame_number
        One frame of it, from 1: what names it.
    """

    role: str
    series_instance_uid: str
    series_number: int | None
    sub_volume: str
    sop_instance_uid: str
    frame_number: int

    def __str__(self) -> str:
        """Return it for the history: UIDs and numbers only."""
        return f"{self.role} = series {self.series_instance_uid} {self.sub_volume}".rstrip()


@dataclass(frozen=True)
class AssignmentRecord(Assignment):
    """An assignment as the ledger keeps it.

    Parameters
    ----------
    assigned_by, assigned_at
        Who, and when.
    withdrawn_by, withdrawn_at
        Who took it back or put another in its place, and when; None where it is in force.
    """

    assigned_by: str
    assigned_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None


class NotAssignedError(NodeError):
    """A role is to be withdrawn that nobody assigned."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"no series is assigned to {role}; `mvi-node studies assign STUDY` shows what is")

    def __reduce__(self) -> tuple[object, ...]:
        return (NotAssignedError, (self.role,))


class Assignments:
    """The assignments of one ledger; every method is one transaction.

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

    def history(self, study_instance_uid: str) -> tuple[AssignmentRecord, ...]:
        """Return all assignments of a study, the oldest first."""
        with reading(self._engine) as connection:
            return _history(connection, study_instance_uid)

    def last(self, study_instance_uid: str) -> tuple[AssignmentRecord, ...]:
        """Return of each role of a study the last assignment, in force or withdrawn."""
        return tuple({record.role: record for record in self.history(study_instance_uid)}.values())

    def change(
        self, study_instance_uid: str, assign: Sequence[Assignment], withdraw: Collection[str], by: str
    ) -> StudyState:
        """Assign and withdraw, all or nothing, and have the study matched anew; return its state.

        Parameters
        ----------
        assign
            At most one a role; each takes the place of an earlier one.
        withdraw
            Roles that the rules choose again.
        by
            Who asked.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        IllegalTransitionError
            It is being analysed.
        NotAssignedError
            Nothing is assigned to a role that is to be withdrawn.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            study = locked(connection, study_instance_uid)
            held = {
                record.role for record in _history(connection, study_instance_uid) if record.withdrawn_at is None
            }
            for role in withdraw:
                if role not in held:
                    raise NotAssignedError(role)
            done = [*map(str, assign), *(f"{role} withdrawn" for role in withdraw)]
            # A generation of its own: the files of the result that is replaced stay, and with them its delivery.
            fresh = {"generation": study.generation + 1, "attempts": 0, "not_before": None, **FREE}
            moved = move(connection, study, Event.ASSIGNED, now, f"by {by}: {'; '.join(done)}", **fresh)
            _close(connection, study_instance_uid, {*withdraw, *(item.role for item in assign)}, by, now)
            for item in assign:
                row = {**vars(item), "study_instance_uid": study_instance_uid}
                connection.execute(insert(_T).values(**row, assigned_by=by, assigned_at=now))
        return moved.state


def _history(connection: Connection, study_instance_uid: str) -> tuple[AssignmentRecord, ...]:
    query = select(_T).where(_T.c.study_instance_uid == study_instance_uid).order_by(_T.c.number)
    return tuple(_record(row) for row in connection.execute(query).mappings())


def _close(
    connection: Connection, study_instance_uid: str, roles: Collection[str], by: str, now: datetime
) -> None:
    connection.execute(
        update(_T)
        .where(
            _T.c.study_instance_uid == study_instance_uid,
            _T.c.role.in_(sorted(roles)),
            _T.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_by=by, withdrawn_at=now)
    )


def _record(row: RowMapping) -> AssignmentRecord:
    columns: Mapping[str, object] = AssignmentRecord.__dataclass_fields__
    return AssignmentRecord(**{name: row[name] for name in columns})
