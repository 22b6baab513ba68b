import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dicom_io.assembly.match_result import Assigned, MatchResult, SourceInstance
from dicom_io.assembly.overrides import Override
from dicom_io.results.report_object import PriorReport
from dicom_io.results.written import WrittenResults
from node.analysis.job import ClinicalValues, EarlierReports, Overrides, RefusedStudyError, Tools, run_job
from pipeline.errors import QualityGateError, StudyError, TransientError
from pipeline.study import Analyte, ClinicalValue, Role
from tests.unit.node.doubles import MR_IMAGE, STUDY

SOURCES = [SourceInstance(Path("inbox/1.dcm"), MR_IMAGE, f"{STUDY}.1.1")]
CLINICAL: ClinicalValues = {Analyte.AST: ClinicalValue(40.0)}
MATCH = MatchResult(STUDY, "accepted", None, "Six roles.", "", {}, (), None, "unknown")
WORDS = "No hepatobiliary phase. Wait 20 minutes."
REFUSED = replace(MATCH, status="refused", code="SM-NOHBP", message="No late phase.", remedy="Wait 20 minutes.")


def choose(match: MatchResult) -> ClinicalValues:
    assert match is MATCH
    return CLINICAL


@dataclass
class Bench:
    """Tools that work on words, and a record of what they were given."""

    match: MatchResult = MATCH
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)
    timing_s: Mapping[str, float] = field(default_factory=dict)
    refusal: StudyError | None = None
    earlier: EarlierReports = ()
    clinical: ClinicalValues = field(default_factory=dict)
    overrides: list[Overrides] = field(default_factory=list)
    told: Sequence[str] = ()

    def tools(self) -> Tools:
        return Tools(self.find, self.assemble, self.analyse, self.write, self.refuse)

    def find(self, study_instance_uid: str, paths: Sequence[Path], overrides: Overrides) -> MatchResult:
        self.overrides.append(overrides)
        self.calls.append(f"match {study_instance_uid} {[path.name for path in paths]}")
        return self.match

    def assemble(self, match: MatchResult, clinical: ClinicalValues) -> Any:
        self.calls.append(f"assemble {match.study_instance_uid} {sorted(analyte.value for analyte in clinical)}")
        return "study"

    def analyse(self, study: Any) -> Any:
        self.calls.append(f"analyse {study}")
        if self.error is not None:
            raise self.error
        return "analysis"

    def write(
        self,
        match: MatchResult,
        analysis: Any,
        out: Path,
        timing_s: Mapping[str, float],
        earlier: EarlierReports,
        clinical: ClinicalValues,
    ) -> WrittenResults:
        self.earlier, self.clinical = earlier, clinical
        self.calls.append(f"write {match.status} {analysis}")
        self.timing_s = timing_s
        return WrittenResults(out / "seg.dcm", out / "sr.dcm", None, None, {"status": "analysed"})

    def refuse(
        self,
        sources: Sequence[SourceInstance],
        study_instance_uid: str,
        error: StudyError,
        out: Path,
        earlier: EarlierReports,
        told: Sequence[str],
    ) -> WrittenResults:
        self.earlier = earlier
        self.told = told
        self.calls.append(f"refuse {study_instance_uid} {len(sources)}")
        self.refusal = error
        return WrittenResults(None, out / "sr.dcm", None, None, {"status": "refused", "message": WORDS})


def test_run_job_when_all_goes_well_then_each_step_gets_what_the_last_gave(tmp_path: Path) -> None:
    bench, stages = Bench(), list[str]()
    outcome = run_job(STUDY, SOURCES, choose, tmp_path, bench.tools(), stages.append)
    assert bench.calls == [
        f"match {STUDY} ['1.dcm']",
        f"assemble {STUDY} ['ast_u_per_l']",
        "analyse study",
        "write accepted analysis",
    ]
    assert stages == ["match", "assemble", "analyse", "report"]
    assert (outcome.code, outcome.written.document) == (None, {"status": "analysed"})
    assert bench.timing_s["assemble"] >= 0
    assert bench.clinical == CLINICAL


def test_run_job_when_the_match_is_refused_then_writes_its_code_and_computes_nothing(tmp_path: Path) -> None:
    bench = Bench(match=REFUSED)
    outcome = run_job(STUDY, SOURCES, choose, tmp_path, bench.tools())
    assert bench.calls == [f"match {STUDY} ['1.dcm']", f"refuse {STUDY} 1"]
    assert (outcome.code, outcome.message) == ("SM-NOHBP", WORDS)
    assert bench.refusal is not None
    assert bench.refusal.stage == "assemble"


def test_run_job_when_a_gate_fails_then_writes_a_refusal(tmp_path: Path) -> None:
    bench = Bench(error=QualityGateError("QG-REG", "Too far.", stage="register"))
    assert run_job(STUDY, SOURCES, choose, tmp_path, bench.tools()).code == "QG-REG"
    assert isinstance(bench.refusal, RefusedStudyError)
    assert (str(bench.refusal), bench.refusal.stage) == (str(bench.error), "register")
    # A reader of the report is told which series was the sequence that did not fit.
    assert bench.refusal.match == MATCH


@pytest.mark.parametrize("error", [TransientError("DEV-MEMORY", "Full.", stage="segment"), KeyError("bug")])
def test_run_job_when_it_is_no_rejection_then_writes_nothing_and_passes_it_on(
    tmp_path: Path, error: Exception
) -> None:
    bench = Bench(error=error)
    with pytest.raises(type(error)):
        run_job(STUDY, SOURCES, choose, tmp_path, bench.tools())
    assert not any(call.startswith(("write", "refuse")) for call in bench.calls)


@pytest.mark.parametrize("match", [MATCH, REFUSED], ids=["accepted", "refused"])
def test_run_job_when_matched_then_keeps_why_beside_the_results(tmp_path: Path, match: MatchResult) -> None:
    run_job(STUDY, SOURCES, choose, tmp_path, Bench(match=match).tools())
    assert json.loads((tmp_path / "match.json").read_text(encoding="utf-8")) == match.to_json()


@pytest.mark.parametrize("match", [MATCH, REFUSED], ids=["accepted", "refused"])
def test_run_job_when_there_are_earlier_reports_then_whoever_writes_gets_them(
    tmp_path: Path, match: MatchResult
) -> None:
    bench, earlier = Bench(match=match), [PriorReport(STUDY, "1.2", "1.2.3")]
    run_job(STUDY, SOURCES, choose, tmp_path, bench.tools(), earlier=earlier)
    assert bench.earlier == earlier


def test_run_job_when_a_series_was_assigned_then_matching_and_the_refusal_know(tmp_path: Path) -> None:
    bench, overrides = Bench(match=REFUSED), [Override(Role.T2, "1.2.3", 1, 7, Assigned("anna", "now"))]
    run_job(STUDY, SOURCES, choose, tmp_path, bench.tools(), overrides=overrides)
    assert bench.overrides == [overrides]
    assert bench.told == (overrides[0].sentence,)
