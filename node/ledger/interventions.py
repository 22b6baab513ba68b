"""What people change about a study: cancelled, or given a new result that supersedes the last one."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine

from config.errors import NodeError
from node.ledger.history import note
from node.ledger.records import StudyRecord
from node.ledger.rows import FREE, locked, move
from node.states import TRANSITIONS, Event, StudyState

EXPORTED = "exported"
"""In the history: a person took the images, without their patient."""

_S, _E = StudyState, Event
_DELETED = "its images are deleted; send them again, and they are analysed as a new arrival"
_RECEIVING = "it is still being received, and is analysed by itself once it is complete"
_HAS_A_RESULT = "it has its result already; `mvi-node studies purge` deletes it, and recalls nothing from a peer"

_WHY_NOT: Mapping[tuple[Event, StudyState], str] = {
    (_E.ASKED, _S.RECEIVING): _RECEIVING,
    (_E.ASKED, _S.READY): "it waits for a worker already",
    (_E.ASKED, _S.ANALYSING): "it is being analysed; wait for its result",
    (_E.ASKED, _S.PURGED): _DELETED,
    (_E.REPROCESS, _S.RECEIVING): _RECEIVING,
    (_E.REPROCESS, _S.READY): "it waits for a worker already",
    (
        _E.REPROCESS,
        _S.ANALYSING,
    ): "it is being analysed; wait for its result, or `mvi-node studies cancel` it first",
    (_E.REPROCESS, _S.PURGED): _DELETED,
    (_E.CANCEL, _S.CANCELLED): "it is cancelled already",
    (_E.CANCEL, _S.PURGED): "its images are deleted, and there is nothing to stop",
    (_E.PURGE, _S.ANALYSING): "it is being analysed; wait for its result, or `mvi-node studies cancel` it first",
}


class NotNowError(NodeError):
    """What a person asks for is not done to a study in this state.

    Parameters
    ----------
    wish
        What was asked for.
    """

    def __init__(self, study_instance_uid: str, state: StudyState, wish: Event) -> None:
        self.study_instance_uid, self.state, self.wish = study_instance_uid, state, wish
        self.code = f"ST-{state.name}"
        because = _WHY_NOT.get((wish, state), _HAS_A_RESULT)
        super().__init__(f"study {study_instance_uid} is {state}: {because}")

    def __reduce__(self) -> tuple[object, ...]:
        return (NotNowError, (self.study_instance_uid, self.state, self.wish))


def demand(study: StudyRecord, wish: Event) -> None:
    """Raise `NotNowError` where `study` cannot have what a person asks for."""
    if (study.state, wish) not in TRANSITIONS:
        raise NotNowError(study.study_instance_uid, study.state, wish)


class Interventions:
    """What people ask for, each in one transaction.

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

    def cancel(self, study_instance_uid: str, by: str) -> StudyRecord:
        """Stop a study that has no result yet; whoever analyses it loses the claim. Return it as it was.

        Parameters
        ----------
        by
            Who asked, for the history.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        NotNowError
            It has a result, or is stopped already.
        """
        with self._engine.begin() as connection:
            study = self._demanded(connection, study_instance_uid, Event.CANCEL)
            move(connection, study, Event.CANCEL, self._clock(), f"by {by}", not_before=None, **FREE)
        return study

    def reprocess(self, study_instance_uid: str, by: str) -> None:
        """Make a study ready for a new result, which supersedes the last one even where nothing else differs.

        Parameters
        ----------
        by
            Who asked: the new report says so.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        NotNowError
            It waits for its analysis anyway, is being analysed, or its images are deleted.
        """
        now = self._clock()
        with self._engine.begin() as connection:
            study = self._demanded(connection, study_instance_uid, Event.REPROCESS)
            # A generation of its own: the files of the result that is replaced stay, and with them its delivery.
            fresh = {"generation": study.generation + 1, "attempts": 0, "not_before": None, **FREE}
            asked = {"reprocessed_by": by, "reprocessed_at": now}
            move(connection, study, Event.REPROCESS, now, f"by {by}", **fresh, **asked)

    def exported(self, study_instance_uid: str, images: int, by: str) -> None:
        """Enter that the images of a study were exported without their patient.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        """
        with self._engine.begin() as connection:
            locked(connection, study_instance_uid)
            note(connection, study_instance_uid, self._clock(), EXPORTED, f"by {by}: {images} images")

    def _demanded(self, connection: Connection, study_instance_uid: str, wish: Event) -> StudyRecord:
        study = locked(connection, study_instance_uid)
        demand(study, wish)
        return study
