"""A refused study, an assignment, its withdrawal, through the real tools: each report replaces the one before."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from config.analytes import DateWindow, load_analytes
from config.series_rules import load_series_rules
from dicom_io.phantom_series import study_instance_uid, write_phantom_study
from dicom_io.results import writing
from node.analysis.study_job import StudyJob
from node.analysis.tools import make_tools
from node.ledger.assignments import Assignment
from node.ledger.ledger import Ledger
from node.ledger.records import Claim, ObjectKind
from node.states import Event
from node.studies.assigning import Assigner
from node.studies.assignment_wishes import Wish
from pipeline.errors import QualityGateError
from tests.integration.scenario_table import Cases
from tests.unit.dicom_io.assembly.header_studies import T1, StudyWriter, standard
from tests.unit.dicom_io.results.synthetic_study import MODEL, texts
from tests.unit.node.analysis.test_study_job import NoLabs
from tests.unit.node.cli.test_assign import enter
from tests.unit.node.doubles import FakeClock, take

BUNDLE: Any = SimpleNamespace(settings=SimpleNamespace(lesions=SimpleNamespace(margin_mm=5.0)), identity=MODEL)


def gate(*_: object) -> Any:
    raise QualityGateError("QG-REG", "The sequences could not be aligned.", stage="register")


def work(ledger: Ledger, job: StudyJob, storage: Path) -> tuple[str | None, Dataset]:
    """Do what waits; return the code of the refusal and its report."""
    claim: Claim = take(ledger)
    found = job(claim)
    ledger.work.finish(
        claim, Event.REFUSED, objects=found.objects, destinations=[], code=found.code, message=found.message
    )
    (report,) = [item for item in found.objects if item.kind is ObjectKind.SR]
    return found.code, pydicom.dcmread(storage / report.path)


def replaced(report: Dataset) -> str:
    (study,) = report.PredecessorDocumentsSequence
    uid: str = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return uid


def test_study_when_assigned_and_withdrawn_then_each_report_is_new_says_so_and_names_the_one_before(
    ledger: Ledger, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = np.zeros((60, 80, 3), dtype=np.uint8)
    monkeypatch.setattr(writing, "draw_refusal", lambda *_, **__: page)
    (tmp_path / "inbox").mkdir()
    writer = StudyWriter(tmp_path / "inbox")
    standard(writer)
    other, uid = writer.series("Ax T1 venous breathing", T1, 185), writer.study_instance_uid
    for path in sorted((tmp_path / "inbox").iterdir()):
        enter(ledger, clock, tmp_path, path)
    assert ledger.work.complete(ledger.studies.get(uid), "test")
    # The headers are those of a study; the pixels show no body.
    tools = replace(
        make_tools(BUNDLE, gate, load_series_rules(), load_analytes()), inspect=lambda match, _study: match
    )
    job = StudyJob(ledger, tmp_path, tools, NoLabs(ledger, DateWindow()))

    code, first = work(ledger, job, tmp_path)
    assert code == "SM-AMBIG-T1_PORTAL"
    assert not any("assigned by hand" in text for text in texts(first))

    image = next(item for item in ledger.studies.files(uid) if item.series_instance_uid == other)
    wish = Assignment("T1_PORTAL", other, 7, "", image.sop_instance_uid, 1)
    ledger.assignments.change(uid, [wish], [], "anna")
    code, second = work(ledger, job, tmp_path)
    # The six series are found now, and the analysis is reached.
    assert code == "QG-REG"
    told = f"Series 7 was assigned by hand as the portal venous phase (by anna at {clock().isoformat()})."
    assert told in texts(second)
    assert replaced(second) == first.SOPInstanceUID

    ledger.assignments.change(uid, [], ["T1_PORTAL"], "bert")
    code, third = work(ledger, job, tmp_path)
    assert code == "SM-AMBIG-T1_PORTAL"
    assert any("no longer assigned by hand (by bert" in text for text in texts(third))
    assert replaced(third) == second.SOPInstanceUID
    assert len({report.SOPInstanceUID for report in (first, second, third)}) == 3


def test_study_when_the_headers_agree_with_an_assignment_and_the_pixels_do_not_then_the_analysis_refuses_it(
    ledger: Ledger, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "draw_refusal", lambda *_, **__: np.zeros((60, 80, 3), dtype=np.uint8))
    scenario = "reversed-phases"
    write_phantom_study(Cases(5).of(scenario), tmp_path / "inbox", vendor="ge", scenario=scenario)
    uid = study_instance_uid(5, vendor="ge", scenario=scenario)
    for path in sorted((tmp_path / "inbox" / "dicom").rglob("*.dcm")):
        enter(ledger, clock, tmp_path, path)
    assert ledger.work.complete(ledger.studies.get(uid), "test")
    assigner = Assigner(ledger, tmp_path, load_series_rules(), uid)
    arterial = next(
        item
        for item in assigner.show()["candidates"]
        if item["roles"] and "arterial" in item["series_description"].lower()
    )
    foretold = assigner.change([Wish.read(f"T1_ARTERIAL={arterial['series_instance_uid']}")], [], "anna")
    # The verb knows headers alone.
    assert foretold["match"]["code"] is None
    tools = make_tools(BUNDLE, gate, load_series_rules(), load_analytes())
    code, report = work(ledger, StudyJob(ledger, tmp_path, tools, NoLabs(ledger, DateWindow())), tmp_path)
    assert code == "SM-PIXEL"
    assert any("assigned by hand as the arterial phase" in text for text in texts(report))
