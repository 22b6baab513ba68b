"""A study without its patient, for support: images, what matching says of them, and what happened."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.errors import NodeError
from config.series_rules import SeriesRules
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.scanning import scan_files
from dicom_io.deidentification.files import Deidentified, deidentify_files
from dicom_io.deidentification.secrets import Pseudonyms
from node.ledger.ledger import Ledger
from node.ledger.records import ANALYSED_SOP_CLASSES
from node.studies.reference import study_reference
from pipeline.study import Role

README = """\
A study exported from mvi-node for support, without its patient: the Basic Application Level Confidentiality
Profile of PS3.15, with the options Clean Descriptors, Retain Longitudinal Temporal Information with Modified Dates
and Retain Safe Private. deploy/decisions/0012-export-for-support.md says what stays and what goes.

The pixels are those of the scanner. Look at every picture before you send this folder: nothing was recognised in
them. A liver is no face, but a screen that was photographed may bear a name.

dicom/       the images
match.json   what series matching says of these images
study.json   how the study ended here, and how matching the original compares
"""


class ExportError(NodeError):
    """A study cannot be exported."""

    code = "EX-NOTHING"


def export_study(
    ledger: Ledger,
    storage: Path,
    study_instance_uid: str,
    out: Path,
    rules: SeriesRules,
    by: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Write a study without its patient into a new folder; return the document of ``study.json``.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger are relative to.
    out
        Must be absent or empty; nothing is left in it where the export fails.
    rules
        Of series matching, in force.
    by
        Who asked, for the history and the audit trail.
    progress
        Told how many images of how many are done.

    Raises
    ------
    UnknownStudyError
        There is no such study.
    ExportError
        It has no image that can be read, or `out` holds something.
    LeakError
        What should name nobody would still hold a text that does.
    """
    study = ledger.studies.get(study_instance_uid)
    files = [
        item for item in ledger.studies.files(study_instance_uid) if item.sop_class_uid in ANALYSED_SOP_CLASSES
    ]
    paths = [storage / item.path for item in files]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out} is there and not empty; name a new folder")
    made = not out.exists()
    try:
        (out / "dicom").mkdir(parents=True)
        done = deidentify_files(
            paths, out / "dicom", rules, Pseudonyms(), lambda number: progress(number, len(paths))
        )
        _demand_images(done, study_instance_uid)
        document = {
            "reference": study_reference(study_instance_uid),
            "state": study.state.value,
            "code": study.code,
            "outcome": study.outcome,
            "images": len(done.written),
            "left_out": [{"number": number, "because": because} for number, because in done.left_out],
            **_compared(study_instance_uid, paths, done, out, rules),
            "history": _history(ledger, study_instance_uid),
        }
        _write(out / "study.json", document)
        (out / "README.txt").write_text(README, encoding="utf-8")
        ledger.interventions.exported(study_instance_uid, len(done.written), by)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        if not made:
            out.mkdir()
        raise
    return document


def _demand_images(done: Deidentified, study_instance_uid: str) -> None:
    if not done.written:
        raise ExportError(f"no image of study {study_instance_uid} can be exported; were they deleted?")


def _compared(
    study_instance_uid: str, paths: list[Path], done: Deidentified, out: Path, rules: SeriesRules
) -> dict[str, Any]:
    """Match what was exported, and say whether the original matches alike: the problem may be cleaned away."""
    exported = [match.to_json() for match in match_studies(scan_files(list(done.written)), rules)]
    original = [
        match.to_json()
        for match in match_studies(scan_files(paths), rules)
        if match.study_instance_uid == study_instance_uid
    ]
    _write(out / "match.json", exported[0] if len(exported) == 1 else {"studies": exported})
    told, tells = (_verdict(found) for found in (original, exported))
    return {"original_match": told, "exported_match": tells, "matches_alike": told == tells}


def _verdict(matches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the verdict of each match, and how many images fill which role: no text, no UID."""
    return [
        {
            "status": match["status"],
            "code": match["code"],
            "roles": {
                str(role): len(match["roles"][role]["sop_instance_uids"])
                for role in Role
                if role in match["roles"]
            },
        }
        for match in matches
    ]


def _history(ledger: Ledger, study_instance_uid: str) -> list[dict[str, Any]]:
    """Return what happened and how long after the first event, s; without details, which name UIDs and people."""
    events = ledger.history(study_instance_uid)
    return [
        {"after_s": round((event.at - events[0].at).total_seconds(), 1), "event": event.event} for event in events
    ]


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
