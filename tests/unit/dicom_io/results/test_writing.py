"""A result is a folder of files that belong together, and the same ones each time."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest

from dicom_io.assembly.match_result import MatchResult, RejectedSubVolume, SourceInstance
from dicom_io.results import PriorReport, ResultContext, WrittenResults, write_refusal, write_results, writing
from dicom_io.results.refusal import NO_REPORT, Refusal
from pipeline.analysis import Classifier, GateOutcome
from pipeline.errors import QualityGateError, StudyError
from pipeline.study import Role
from tests.unit.dicom_io.results.synthetic_study import (
    MODEL,
    STUDY_UID,
    make_analysis,
    make_grid,
    make_match,
    read_report,
    texts,
)

pytestmark = pytest.mark.usefixtures("blank_page")

NOW = datetime(2026, 1, 3, 12, 0, 0, tzinfo=UTC)
DICOM = ("seg.dcm", "sr.dcm", "summary.dcm")


def write(tmp_path: Path, out: str = "out", *, lesions: int = 1, now: datetime = NOW) -> WrittenResults:
    grid = make_grid()
    match = make_match(tmp_path / "in", grid)
    return write_results(match, make_analysis(grid, lesions), tmp_path / out, now=now, timing_s={"assemble": 1.1})


def refused(tmp_path: Path) -> MatchResult:
    accepted = make_match(tmp_path / "in", make_grid())
    return MatchResult(
        STUDY_UID,
        "refused",
        "SM-NOHBP",
        "No hepatobiliary phase was found.",
        "Send the series acquired about 20 minutes after the contrast agent.",
        {Role.T2: accepted.roles[Role.T2]},
        (RejectedSubVolume(f"{STUDY_UID}.9", "b=0", "ADC", "It is an ADC map."),),
        "AcquisitionTime",
        "measured",
    )


def sources(tmp_path: Path) -> list[SourceInstance]:
    match = make_match(tmp_path / "in", make_grid())
    return [instance for role in match.roles.values() for instance in role.instances]


def uids_of(written: WrittenResults) -> list[tuple[str, str]]:
    datasets = [pydicom.dcmread(path) for path in written.instances]
    return [(ds.SeriesInstanceUID, ds.SOPInstanceUID) for ds in datasets]


def test_results_when_written_then_the_document_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    document = write(tmp_path).document

    assert {
        "status",
        "study_instance_uid",
        "risk",
        "lesions",
        "registration",
        "features",
        "quality",
        "model",
        "timing_s",
        "outputs",
    } <= set(document)
    assert document == json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert document["status"] == "analysed"
    assert document["risk"] == {
        "probability": 0.6235,
        "interval_95": [0.48, 0.74],
        "category": "high",
        "threshold": 0.5,
        "calibrated": True,
        "classifier": "radiomics+clinical",
        "missing_clinical": [],
        "left_out_auc": 0.81,
    }
    assert document["model"] == {
        "name": "phantom-demo",
        "version": "1.0.0",
        "sha256": "ab" * 32,
        "intended_use": "demonstration: not for patients",
    }
    assert document["features"] == {"count": 14736, "sha256": "cd" * 32}
    assert document["notice"] == "For research use only. Not a medical device."


def test_results_when_a_laboratory_value_is_missing_then_document_and_report_name_it(tmp_path: Path) -> None:
    grid = make_grid()
    analysis = make_analysis(grid)
    assert analysis.risk is not None
    missing = ("fibrinogen_g_per_l", "hbcab_positive")
    risk = replace(analysis.risk, classifier=Classifier.RADIOMICS, missing_clinical=missing)
    written = write_results(
        make_match(tmp_path / "in", grid), replace(analysis, risk=risk), tmp_path / "out", now=NOW, timing_s={}
    )

    stated = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["risk"]
    assert (stated["classifier"], stated["missing_clinical"]) == ("radiomics", list(missing))
    assert written.sr is not None
    assert "fibrinogen, HBcAb" in texts(read_report(written))


def test_results_when_written_twice_then_they_are_the_same_objects(tmp_path: Path) -> None:
    first, second = write(tmp_path, "first"), write(tmp_path, "second")

    for one, other in zip(first.instances, second.instances, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_results_when_written_later_then_the_uids_stay(tmp_path: Path) -> None:
    assert uids_of(write(tmp_path, "first")) == uids_of(write(tmp_path, "second", now=NOW + timedelta(days=2)))


def test_results_when_model_or_clinical_value_or_source_changes_then_the_series_are_new(tmp_path: Path) -> None:
    grid = make_grid()
    match, analysis = make_match(tmp_path / "in", grid), make_analysis(grid)
    other_model = type(MODEL)(MODEL.name, MODEL.version, "cd" * 32, MODEL.intended_use)
    fewer = {role: chosen for role, chosen in match.roles.items() if role is not Role.T2}
    variants = {
        "model": (match, type(analysis)(**{**vars(analysis), "model": other_model}), ""),
        "clinical": (match, type(analysis)(**{**vars(analysis), "clinical_used": {"ast_u_per_l": 42.0}}), ""),
        "settings": (match, analysis, "ef"),
        "source": (type(match)(**{**vars(match), "roles": fewer}), analysis, ""),
        "same": (match, analysis, ""),
    }

    series = {
        name: uids_of(write_results(m, a, tmp_path / name, now=NOW, context=ResultContext(settings_sha256=s)))
        for name, (m, a, s) in variants.items()
    }

    flat = [uid for found in series.values() for pair in found for uid in pair]
    assert len(flat) == len(set(flat)) > 0


def test_results_when_written_over_others_then_no_stale_file_stays(tmp_path: Path) -> None:
    write(tmp_path, lesions=1)
    written = write(tmp_path, lesions=0)

    assert written.seg is None
    assert not (tmp_path / "out" / "seg.dcm").exists()
    assert written.document["risk"] is None
    assert written.document["outputs"] == {"seg": None, "sr": "sr.dcm", "summary": "summary.png"}


def test_results_when_the_self_check_fails_then_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StudyError("RES-SEG", "differs", stage="report")

    monkeypatch.setattr(writing, "check_segmentation", fail)

    with pytest.raises(StudyError):
        write(tmp_path)

    assert list((tmp_path / "out").iterdir()) == []


def test_results_when_delivered_then_the_seg_goes_before_the_report(tmp_path: Path) -> None:
    assert [path.name for path in write(tmp_path).instances][:2] == ["seg.dcm", "sr.dcm"]


def test_refusal_when_series_are_missing_then_the_report_says_which_and_what_helps(tmp_path: Path) -> None:
    written = write_refusal(sources(tmp_path), STUDY_UID, refused(tmp_path), tmp_path / "out", model=None, now=NOW)

    assert written.seg is None
    assert written.document["status"] == "refused"
    assert written.document["code"] == "SM-NOHBP"
    report = read_report(written)
    assert report.ConceptNameCodeSequence[0].CodeValue == "126001"
    assert (report.CompletionFlag, report.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert {
        "111245 No algorithms succeeded; without findings",
        "No hepatobiliary phase was found.",
        "Send the series acquired about 20 minutes after the contrast agent.",
        "Missing: DWI, T1 pre-contrast, T1 arterial, T1 portal venous, T1 hepatobiliary.",
        "Not used: series without number (no description), b=0: It is an ADC map (ADC).",
        "For research use only. Not a medical device.",
    } <= set(texts(report))


def test_refusal_when_series_were_assigned_by_hand_then_it_says_so_and_is_another_object(tmp_path: Path) -> None:
    told = ("Series 7 was assigned by hand as the arterial phase (by anna at 2026-11-26T12:30:00+00:00).",)
    causes: list[tuple[StudyError | MatchResult, ResultContext]] = [
        (refused(tmp_path), ResultContext()),
        (refused(tmp_path), ResultContext(assignments=told)),
        (
            QualityGateError("QG-REG", "T2 could not be aligned.", stage="register"),
            ResultContext(assignments=told),
        ),
    ]
    written = [
        write_refusal(
            sources(tmp_path), STUDY_UID, cause, tmp_path / f"out{number}", model=None, now=NOW, context=context
        )
        for number, (cause, context) in enumerate(causes)
    ]
    assert told[0] not in texts(read_report(written[0]))
    assert all(told[0] in texts(read_report(item)) for item in written[1:])
    assert set(uids_of(written[0])).isdisjoint(uids_of(written[1]))


def test_refusal_when_sub_volumes_are_rejected_alike_then_they_are_told_once() -> None:
    localizer = RejectedSubVolume("1.2.3", "", "LOCALIZER", "a localizer", 1, "3-Plane Loc")
    match = MatchResult(
        STUDY_UID, "refused", "SM-NOHBP", "No hepatobiliary phase.", "", {}, (localizer,) * 3, None, "unknown"
    )

    refusal = Refusal.of(match)

    told = [sentence for sentence in refusal.details if "Loc" in sentence]
    assert told == ["Not used: series 1 (3-Plane Loc): a localizer (LOCALIZER)."]


def test_refusal_when_the_error_knows_no_remedy_then_the_reader_is_still_told_what_to_do() -> None:
    refusal = Refusal.of(QualityGateError("QG-REG", "T1_PRE could not be aligned.", stage="register"))

    assert refusal.message == "T1 pre-contrast could not be aligned."
    assert refusal.remedy.startswith("Read the study without this result")


def test_refusal_when_a_gate_failed_then_the_report_names_the_model(tmp_path: Path) -> None:
    gates = (
        GateOutcome("registration_overlap", True, 0.9, 0.25),
        GateOutcome("registration_rotation", False, 12, 10),
    )
    error = QualityGateError(
        "QG-REG", "T1_PRE could not be aligned.", remedy="Repeat it.", stage="register", gates=gates
    )
    match = make_match(tmp_path / "in", make_grid())
    context = ResultContext(match=match)

    written = write_refusal(
        sources(tmp_path), STUDY_UID, error, tmp_path / "out", model=MODEL, now=NOW, context=context
    )

    assert written.document["stage"] == "register"
    assert written.document["quality"] == [
        {"gate": "registration_overlap", "passed": True, "value": 0.9, "limit": 0.25},
        {"gate": "registration_rotation", "passed": False, "value": 12.0, "limit": 10.0},
    ]
    said = texts(read_report(written))
    assert "model_sha256=" + "ab" * 32 in said
    assert "T1 pre-contrast could not be aligned." in said
    assert "T1 pre-contrast: series 3 (series of T1_PRE) was found." in said


def test_refusal_when_some_sources_are_unreadable_then_the_others_are_evidence(tmp_path: Path) -> None:
    instances = sources(tmp_path)
    instances[0].path.write_bytes(b"not DICOM")

    written = write_refusal(instances, STUDY_UID, refused(tmp_path / "b"), tmp_path / "out", model=None, now=NOW)

    evidence = read_report(written).CurrentRequestedProcedureEvidenceSequence[0]
    found = {
        item.ReferencedSOPInstanceUID
        for series in evidence.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert found == {instance.sop_instance_uid for instance in instances[1:]}


@pytest.mark.parametrize("size", [0, 100, 200])
def test_refusal_when_every_source_is_cut_then_it_has_its_code_and_no_report(tmp_path: Path, size: int) -> None:
    instances = sources(tmp_path)
    for instance in instances:
        os.truncate(instance.path, size)

    written = write_refusal(instances, STUDY_UID, refused(tmp_path / "b"), tmp_path / "out", model=None, now=NOW)

    assert (written.instances, written.sr, written.document["code"]) == ((), None, "SM-NOHBP")
    assert str(written.document["message"]).endswith(NO_REPORT)
    assert written.document["outputs"] == {"seg": None, "sr": None, "summary": None}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result.json"]


def test_refusal_when_an_instance_came_twice_then_the_readable_one_is_its_evidence(tmp_path: Path) -> None:
    (whole, *_) = sources(tmp_path)
    damaged = replace(whole, path=tmp_path / "damaged.dcm")
    damaged.path.write_bytes(whole.path.read_bytes()[:100])

    def write_of(out: str, *instances: SourceInstance) -> Path:
        error = refused(tmp_path / "b")
        written = write_refusal(instances, STUDY_UID, error, tmp_path / out, model=None, now=NOW)
        assert written.sr is not None
        return written.sr

    twice = write_of("a", damaged, whole, whole)
    assert pydicom.dcmread(twice) == pydicom.dcmread(write_of("b", whole))


def test_report_when_it_replaces_another_then_names_it(tmp_path: Path) -> None:
    grid = make_grid()
    prior = PriorReport(STUDY_UID, "1.2.3", "1.2.3.4")

    written = write_results(
        make_match(tmp_path / "in", grid),
        make_analysis(grid),
        tmp_path / "out",
        now=NOW,
        context=ResultContext(earlier_reports=(PriorReport(STUDY_UID, "1.2.1", "1.2.1.4"), prior)),
    )

    series = read_report(written).PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == "1.2.3"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"


@pytest.mark.parametrize("kind", ["analysis", "refusal"])
def test_report_when_it_is_written_again_then_names_what_it_replaced_at_first(tmp_path: Path, kind: str) -> None:
    grid = make_grid()
    match = make_match(tmp_path / "in", grid)

    def predecessor(out: str, *earlier: PriorReport) -> tuple[PriorReport, str | None]:
        context = ResultContext(earlier_reports=earlier)
        if kind == "analysis":
            written = write_results(match, make_analysis(grid), tmp_path / out, now=NOW, context=context)
        else:
            error = QualityGateError("QG-REG", "Too far.", stage="register")
            written = write_refusal(
                sources(tmp_path), STUDY_UID, error, tmp_path / out, model=MODEL, now=NOW, context=context
            )
        ds = read_report(written)
        own = PriorReport(STUDY_UID, ds.SeriesInstanceUID, ds.SOPInstanceUID)
        named = ds.get("PredecessorDocumentsSequence")
        if named is None:
            return own, None
        return own, named[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID

    first, later = PriorReport(STUDY_UID, "1.2.3", "1.2.3.4"), PriorReport(STUDY_UID, "1.2.5", "1.2.5.4")
    own, named = predecessor("a", first)
    assert named == first.sop_instance_uid
    assert predecessor("b", first, own) == (own, first.sop_instance_uid)
    assert predecessor("c", own) == (own, None)
    # Another result came in between, and archives have it: what holds again now must not look older than that.
    again, named = predecessor("d", first, own, later)
    assert again not in (first, own, later)
    assert named == later.sop_instance_uid
    assert predecessor("e", first, own, later, again) == (again, later.sop_instance_uid)
    third, named = predecessor("f", first, own, later, again, first)
    assert third not in (first, own, later, again)
    assert named == first.sop_instance_uid
