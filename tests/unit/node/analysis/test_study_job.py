"""A study that is analysed again tells its writer which reports came before."""

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage

from config.analytes import DateWindow, load_analytes
from config.series_rules import load_series_rules
from dicom_io.assembly.match_result import MatchResult
from dicom_io.results.refusal import NO_REPORT
from dicom_io.results.report_object import PriorReport
from dicom_io.results.written import WrittenResults
from node.analysis.job import ClinicalValues, EarlierReports, Tools
from node.analysis.study_job import StudyJob
from node.analysis.tools import make_tools
from node.analysis.worker import Worker
from node.backoff import BackOff
from node.labs.study_labs import StudyLabs
from node.labs.study_values import StudyValues
from node.ledger.ledger import Ledger
from node.ledger.records import Claim, ObjectKind
from node.states import Event, StudyState
from tests.unit.dicom_io.network.instances import SERIES_INSTANCE_UID, mr_instance
from tests.unit.dicom_io.results.synthetic_study import MODEL
from tests.unit.node.doubles import STUDY, FakeClock, instance, take

MATCH = MatchResult(STUDY, "accepted", None, "Six roles.", "", {}, (), None, "unknown")


class Writer:
    """Writes a report with the UID it is told, and remembers which reports came before."""

    def __init__(self) -> None:
        self.uid = ""
        self.given: list[PriorReport] = []

    def __call__(
        self,
        _match: MatchResult,
        _analysis: Any,
        out: Path,
        _timing_s: Mapping[str, float],
        earlier: EarlierReports,
        _clinical: ClinicalValues,
    ) -> WrittenResults:
        self.given = list(earlier)
        ds = mr_instance(
            sop_class_uid=Comprehensive3DSRStorage, sop_instance_uid=self.uid, study_instance_uid=STUDY
        )
        ds.save_as(out / "sr.dcm", enforce_file_format=True)
        return WrittenResults(None, out / "sr.dcm", None, None, {})


class NoLabs(StudyLabs):
    """Looks at no file: these studies have none."""

    def choose(self, _claim: Claim, _match: MatchResult) -> StudyValues:
        return StudyValues({}, {}, ())


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def job(ledger: Ledger, tmp_path: Path, writer: Writer) -> StudyJob:
    def nothing(*_: object) -> Any:
        return None

    tools = Tools(match=lambda *_: MATCH, assemble=nothing, analyse=nothing, write=writer, refuse=nothing)
    return StudyJob(ledger, tmp_path, tools, NoLabs(ledger, DateWindow()))


def never(*_: object) -> Any:
    raise AssertionError


def work(ledger: Ledger, job: StudyJob, writer: Writer, uid: str) -> list[str]:
    """Write a report with this UID; return those that came before."""
    writer.uid = uid
    claim = take(ledger)
    ledger.work.finish(claim, Event.ANALYSED, objects=job(claim).objects, destinations=[])
    assert {(prior.study_instance_uid, prior.series_instance_uid) for prior in writer.given} <= {
        (STUDY, SERIES_INSTANCE_UID)
    }
    return [prior.sop_instance_uid for prior in writer.given]


def receive(ledger: Ledger, clock: FakeClock, number: int) -> None:
    ledger.record_instance(instance(clock, number))
    assert ledger.work.complete(ledger.studies.get(STUDY), "test")


def test_job_when_images_came_later_then_the_writer_gets_the_reports_before(
    ledger: Ledger, clock: FakeClock, job: StudyJob, writer: Writer
) -> None:
    seen = []
    for number in (1, 2, 3):
        receive(ledger, clock, number)
        seen.append(work(ledger, job, writer, f"1.2.{number}"))
    assert seen == [[], ["1.2.1"], ["1.2.1", "1.2.2"]]


def test_job_when_an_operator_asks_for_another_attempt_then_the_writer_gets_the_report_before(
    ledger: Ledger, clock: FakeClock, job: StudyJob, writer: Writer
) -> None:
    receive(ledger, clock, 1)
    work(ledger, job, writer, "1.2.1")
    ledger.work.ask_again(STUDY, "operator")
    assert work(ledger, job, writer, "1.2.2") == ["1.2.1"]
    # A generation of its own, hence a folder of its own: the whole history is known.
    ledger.work.ask_again(STUDY, "operator")
    assert work(ledger, job, writer, "1.2.3") == ["1.2.1", "1.2.2"]


def test_job_when_the_file_of_an_earlier_report_is_gone_then_it_is_left_out(
    ledger: Ledger, clock: FakeClock, job: StudyJob, writer: Writer, tmp_path: Path
) -> None:
    receive(ledger, clock, 1)
    work(ledger, job, writer, "1.2.1")
    for path in tmp_path.rglob("sr.dcm"):
        path.unlink()
    receive(ledger, clock, 2)
    assert work(ledger, job, writer, "1.2.2") == []


def test_job_when_the_only_image_is_cut_on_disk_then_the_study_ends_refused_with_its_code(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    receive(ledger, clock, 1)
    os.truncate(write_the_image(ledger, tmp_path), 100)

    assert real_worker(ledger, tmp_path).step()

    study = ledger.studies.get(STUDY)
    assert (study.state, study.code) == (StudyState.REFUSED, "SM-UNREADABLE")
    assert NO_REPORT in (study.message or "")
    assert not ledger.outbox.of_study(STUDY)


def test_job_when_a_person_asks_for_a_new_result_then_it_supersedes_the_last_and_names_the_person(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    receive(ledger, clock, 1)
    write_the_image(ledger, tmp_path)
    own = real_worker(ledger, tmp_path, destinations=())
    assert own.step()
    ledger.work.ask_again(STUDY, "anna")
    assert own.step()
    (first,) = reports(ledger, tmp_path)  # A mere retry gives the same objects.
    ledger.interventions.reprocess(STUDY, "anna")
    assert own.step()

    before, after = reports(ledger, tmp_path)
    assert before.SOPInstanceUID == first.SOPInstanceUID != after.SOPInstanceUID
    (study,) = after.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert "made anew on request (by anna at 2026-03-01T12:00:00+00:00)" in after.to_json()
    assert "anew" not in before.to_json()


def write_the_image(ledger: Ledger, storage: Path) -> Path:
    path = storage / ledger.studies.files(STUDY)[0].path
    path.parent.mkdir()
    mr_instance(study_instance_uid=STUDY).save_as(path, enforce_file_format=True)
    return path


def real_worker(ledger: Ledger, storage: Path, destinations: Sequence[str] = ("pacs",)) -> Worker:
    bundle: Any = SimpleNamespace(identity=MODEL, settings=SimpleNamespace(lesions=SimpleNamespace(margin_mm=5.0)))
    tools = make_tools(bundle, never, load_series_rules(), load_analytes())
    return Worker(
        "worker",
        ledger,
        StudyJob(ledger, storage, tools, NoLabs(ledger, DateWindow())),
        recipients=lambda _: dict.fromkeys(destinations, frozenset(ObjectKind)),
        back_off=BackOff(first_s=10, longest_s=100, random=lambda: 1.0),
        stopping=threading.Event(),
    )


def reports(ledger: Ledger, storage: Path) -> list[Dataset]:
    found = [result for result in ledger.studies.results(STUDY) if result.kind is ObjectKind.SR]
    return [dcmread(storage / result.path) for result in found]
