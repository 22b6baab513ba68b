"""Assign series of a study to roles by hand: what is asked for is checked, entered, and its match foretold."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.series_rules import SeriesRules
from dicom_io.assembly.assignable import Assignable, assignable
from dicom_io.assembly.match_result import Assigned
from dicom_io.assembly.matching import match_studies, objection_to
from dicom_io.assembly.overrides import Override
from dicom_io.assembly.scan_result import ScanResult
from dicom_io.assembly.scanning import scan_files
from node.ledger.assignments import Assignment, NotAssignedError
from node.ledger.ledger import Ledger
from node.ledger.rows import UnknownStudyError
from node.states import IllegalTransitionError, StudyState
from node.studies.assignment_wishes import AssignmentError, Kind, Wish, find
from node.studies.overrides import overrides_of, shown
from node.studies.report import as_json_value
from pipeline.study import Role


class Assigner:
    """Assigns series of one study.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger are relative to.
    rules
        Of series matching, in force.

    Raises
    ------
    AssignmentError
        There is no such study (``AS-STUDY``).
    """

    def __init__(self, ledger: Ledger, storage: Path, rules: SeriesRules, study_instance_uid: str) -> None:
        self._ledger = ledger
        self._rules = rules
        self._uid = study_instance_uid
        try:
            self._state = ledger.studies.get(study_instance_uid).state
        except UnknownStudyError as error:
            raise AssignmentError(Kind.FAILED, "AS-STUDY", str(error)) from error
        self._paths = [storage / item.path for item in ledger.studies.files(study_instance_uid)]

    def show(self) -> dict[str, Any]:
        """Return what is assigned, and every part of the study with the roles that it may be assigned to."""
        stacks = assignable(self._scan(), self._rules)
        return {
            "study_instance_uid": self._uid,
            "state": self._state.value,
            "assignments": self._assignments(),
            "candidates": [asdict(item) for item in stacks],
        }

    def change(self, wishes: Sequence[Wish], withdraw: Sequence[Role], by: str) -> dict[str, Any]:
        """Enter assignments and withdrawals, all or nothing; return them, and what matching will say.

        Raises
        ------
        AssignmentError
            Something is unknown, doubtful, impossible, or the study is being analysed; nothing was entered.
        """
        if self._state is StudyState.ANALYSING:
            raise self._busy()
        scan = self._scan()
        fresh = self._find(wishes, withdraw, scan)
        held = [item for item in self._ledger.assignments.last(self._uid) if item.withdrawn_at is None]
        kept = overrides_of(item for item in held if item.role not in {*withdraw, *(wish.role for wish in wishes)})
        _demand_one_role_each(kept, fresh)
        at = shown(self._ledger.clock())
        overrides = [*kept, *(_override(role, stack, Assigned(by, at)) for role, stack in fresh.items())]
        objection = objection_to(scan, self._rules, overrides) if fresh else None
        if objection is not None:
            message = " ".join(filter(None, (objection.message, objection.remedy)))
            raise AssignmentError(Kind.REFUSED, objection.code, message)
        self._enter(fresh, withdraw, by)
        (match,) = match_studies(scan, self._rules, {self._uid: overrides})
        document = match.to_json()
        return {
            "study_instance_uid": self._uid,
            "state": self._state.value,
            "assignments": self._assignments(),
            "match": {key: document[key] for key in ("status", "code", "message")},
        }

    def _enter(self, fresh: dict[Role, Assignable], withdraw: Sequence[Role], by: str) -> None:
        assign = [
            Assignment(
                role.value,
                stack.series_instance_uid,
                stack.series_number,
                stack.sub_volume,
                stack.sop_instance_uid,
                stack.frame_number,
            )
            for role, stack in fresh.items()
        ]
        try:
            self._state = self._ledger.assignments.change(self._uid, assign, [role.value for role in withdraw], by)
        except IllegalTransitionError as error:
            raise self._busy() from error
        except NotAssignedError as error:
            raise AssignmentError(Kind.USAGE, "AS-NONE", str(error)) from error

    def _busy(self) -> AssignmentError:
        message = f"study {self._uid} is being analysed; wait for its result, and assign then"
        return AssignmentError(Kind.FAILED, "AS-BUSY", message)

    def _scan(self) -> ScanResult:
        scan = scan_files(self._paths).by_study().get(self._uid, ScanResult())
        if not scan.frames:
            message = f"no image of study {self._uid} can be read; send it again"
            raise AssignmentError(Kind.FAILED, "AS-UNREADABLE", message)
        return scan

    def _assignments(self) -> list[dict[str, Any]]:
        return [as_json_value(item) for item in self._ledger.assignments.history(self._uid)]

    def _find(self, wishes: Sequence[Wish], withdraw: Sequence[Role], scan: ScanResult) -> dict[Role, Assignable]:
        roles = [*(wish.role for wish in wishes), *withdraw]
        for role in roles:
            if roles.count(role) > 1:
                raise AssignmentError(Kind.USAGE, "AS-TWICE", f"{role} is named twice; name each role once")
        stacks = assignable(scan, self._rules) if wishes else ()
        return {wish.role: find(wish, stacks) for wish in wishes}


def _demand_one_role_each(kept: Sequence[Override], fresh: dict[Role, Assignable]) -> None:
    held = {(item.sop_instance_uid, item.frame_number): item.role for item in kept}
    taken: dict[str, Role] = {}
    for role, stack in fresh.items():
        other = taken.get(stack.key)
        if other is not None:
            message = f"one series cannot be both {other} and {role}; assign another to one of them"
            raise AssignmentError(Kind.USAGE, "AS-TWICE", message)
        taken[stack.key] = role
        other = held.get((stack.sop_instance_uid, stack.frame_number))
        if other is not None:
            message = f"the series is assigned to {other} already; add --withdraw {other} to move it to {role}"
            raise AssignmentError(Kind.USAGE, "AS-TWICE", message)


def _override(role: Role, stack: Assignable, by: Assigned) -> Override:
    return Override(role, stack.sop_instance_uid, stack.frame_number, stack.series_number, by)
