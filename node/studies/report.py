"""What the command line says about a study: where it stands, what happened, what it waits for."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import NodeError
from config.sections.studies import CompletionSection
from config.series_rules import SeriesRules
from node.deadline import deadline_s
from node.ledger.interventions import NotNowError
from node.ledger.ledger import Ledger
from node.ledger.records import StudyRecord
from node.states import Event, StudyState
from node.studies.reference import study_reference

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from dicom_io.assembly.progress import StudyProgress

_WAITS_FOR: Mapping[StudyState, str] = {
    StudyState.READY: "a free worker",
    StudyState.ANALYSING: "its analysis",
    StudyState.ANALYSED: "nothing: no peer receives results",
    StudyState.REFUSED: "nothing: no peer receives results, or there is no report",
    StudyState.DELIVERING: "its peers to store the objects and to confirm them",
    StudyState.DELIVERED: "nothing: every peer has it and has confirmed it",
    StudyState.UNCONFIRMED: "nothing: sent, unconfirmed, since a peer offers no way to confirm what it stored",
    StudyState.UNDELIVERED: "somebody: a peer refused an object; mend the peer, then `mvi-node studies retry`",
    StudyState.FAILED: "somebody: see the log, then `mvi-node studies retry`",
    StudyState.CANCELLED: "nothing: a person cancelled it; `mvi-node studies reprocess` takes it up again",
    StudyState.PURGED: "new images: those that it had are deleted",
}

_ENDED = frozenset(
    {
        StudyState.REFUSED,
        StudyState.DELIVERING,
        StudyState.DELIVERED,
        StudyState.UNCONFIRMED,
        StudyState.UNDELIVERED,
    }
)
"""In these states the code of a study is that of its refusal."""


UNDECIDED = frozenset({StudyState.RECEIVING, StudyState.READY, StudyState.ANALYSING})
"""In these states what code a study has is of an earlier attempt."""


def as_it_stands(study: StudyRecord) -> StudyRecord:
    """Return a study without the code and the message of an attempt that is over; its history keeps them."""
    return replace(study, code=None, message=None) if study.state in UNDECIDED else study


def as_json_value(record: "DataclassInstance") -> dict[str, Any]:
    """Return a record of the ledger as JSON; times in ISO 8601, UTC."""
    return {item.name: _plain(getattr(record, item.name)) for item in fields(record)}


def show_study(ledger: Ledger, study_instance_uid: str) -> dict[str, Any]:
    """Return the document of ``studies show --json``.

    Raises
    ------
    UnknownStudyError
        There is no such study.
    """
    return {
        **as_json_value(as_it_stands(ledger.studies.get(study_instance_uid))),
        "reference": study_reference(study_instance_uid),
        "deliveries": [as_json_value(item) for item in ledger.outbox.of_study(study_instance_uid)],
        "history": [as_json_value(event) for event in ledger.history(study_instance_uid)],
    }


def explain_study(
    ledger: Ledger, storage: Path, study_instance_uid: str, completion: CompletionSection, rules: SeriesRules
) -> dict[str, Any]:
    """Return the document of ``studies explain --json``: the match, how the study ended, what it waits for.

    Raises
    ------
    UnknownStudyError
        There is no such study.
    """
    from node.analysis.tools import match_study, read_progress  # noqa: PLC0415 - listing studies needs no DICOM
    from node.studies.overrides import overrides_of  # noqa: PLC0415

    study = ledger.studies.get(study_instance_uid)
    paths = [storage / instance.path for instance in ledger.studies.files(study_instance_uid)]
    assigned = ledger.assignments.history(study_instance_uid)
    overrides = overrides_of(ledger.assignments.last(study_instance_uid))
    progress = None
    match: dict[str, Any] = {"status": "refused", "roles": {}, "rejected": []}
    try:
        if study.state is StudyState.PURGED and not paths:
            raise NotNowError(study_instance_uid, study.state, Event.REPROCESS)
        progress = read_progress(paths, overrides, rules=rules)
        match = match_study(study_instance_uid, paths, overrides, rules=rules).to_json()
    except NodeError as error:
        match |= {"code": getattr(error, "code", "SM-UNREADABLE"), "message": str(error)}
    until = _until(study, progress, completion, ledger.clock().date())
    return {
        **match,
        "study_instance_uid": study_instance_uid,
        "state": study.state.value,
        "refusal": {"code": study.code, "message": study.message} if _was_refused(study) else None,
        "waits_for": waits_for(study, progress, until),
        "until": None if until is None else _plain(until),
        "role_status": {} if progress is None else {str(role): status for role, status in progress.roles.items()},
        "assignments": [as_json_value(record) for record in assigned],
        "came_again_with_other_bytes": list(ledger.studies.conflicting(study_instance_uid)),
    }


def _was_refused(study: StudyRecord) -> bool:
    """Tell whether the study ended in a refusal, by its series or by what came after the match."""
    return study.code is not None and study.state in _ENDED


def _until(
    study: StudyRecord, progress: "StudyProgress | None", completion: CompletionSection, today: date
) -> datetime | None:
    """Return when a study that is being received is decided if nothing more arrives; None where unknown."""
    if study.state is not StudyState.RECEIVING or study.images == 0 or progress is None:
        return None
    wait_s = deadline_s(progress, completion, today) if progress.open_roles else completion.settle_s
    return study.last_received_at + timedelta(seconds=wait_s)


def waits_for(study: StudyRecord, progress: "StudyProgress | None", until: datetime | None) -> str:
    """Say in words what a study waits for; `until` when, where it is being received."""
    if study.state is StudyState.RETRY and study.not_before is not None:
        return f"its next attempt at {_plain(study.not_before)}: {study.message}"
    if study.state is not StudyState.RECEIVING:
        return _WAITS_FOR[study.state]
    if study.images == 0:
        return "images: what it holds is context only"
    if progress is None:
        return "images that can be read"
    still_open = [f"{role} ({progress.roles[role]})" for role in progress.open_roles]
    return f"{', '.join(still_open) or 'nothing but the end of its images'}, until {_plain(until)}"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.value if isinstance(value, Enum) else value
