"""A study that was answered as it should be, and ways to spoil the answer."""

from dataclasses import replace
from pathlib import Path

from dicom_io.acceptance.received import ReceivedObject
from dicom_io.acceptance.report_facts import ReportFacts
from dicom_io.acceptance.segmentation_facts import Overlap
from node.simulation.comparison import Returned
from node.simulation.expectation import Expectation

ROLES = {role: f"1.2.{number}" for number, role in enumerate(("T2", "DWI", "T1_PRE"), 1)}
SOURCES = frozenset({"1.2.1.1", "1.2.2.1", "1.2.3.1"})
STUDY, SEG_UID, SR_UID = "1.2", "9.1", "9.2"
PATIENT = "MVI-ACCEPTANCE-run-01"
EXPECTED = Expectation(PATIENT, None, ROLES, SOURCES, images=3)
REFUSED = replace(EXPECTED, code="SM-MISSING-T2", roles={})
REPORT = ReportFacts("", "", 0.4, True, ROLES, SOURCES, frozenset({SEG_UID}), frozenset())
REFUSAL = ReportFacts("SM-MISSING-T2", "There is no T2.", None, False, {}, SOURCES, frozenset(), frozenset())


def seg(overlap: Overlap | None = Overlap(0.9, 1.0), **changes: object) -> Returned:  # noqa: B008 - frozen
    return _returned(ReceivedObject("seg", SEG_UID, STUDY, PATIENT, overlap=overlap), changes)


def sr(report: ReportFacts = REPORT, uid: str = SR_UID, **changes: object) -> Returned:
    return _returned(ReceivedObject("sr", uid, STUDY, PATIENT, ("mvi-node 9", "model 1"), report), changes)


def summary(**changes: object) -> Returned:
    return _returned(ReceivedObject("summary", "9.3", STUDY, PATIENT), changes)


def _returned(content: ReceivedObject, changes: dict[str, object]) -> Returned:
    own = {name: changes.pop(name) for name in ("times", "is_committed") if name in changes}
    return replace(Returned(replace(content, **changes), Path("none.dcm")), **own)  # type: ignore[arg-type]  # by name
