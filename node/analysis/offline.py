"""`analyse` without the service: a folder of DICOM in, results out, a sub-folder for each of several studies."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.analytes import AnalyteRules
from config.sections.compute import Device
from config.series_rules import SeriesRules
from dicom_io.assembly.examination import when_examined
from dicom_io.assembly.match_result import MatchResult, SourceInstance
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.patient import read_patient
from dicom_io.assembly.scan_result import ScanResult
from dicom_io.assembly.scanning import scan_folder
from node.analysis.job import ChooseValues, ClinicalValues, Overrides, run_job
from node.analysis.tools import make_tools
from node.labs.choice import values_of_examination
from node.labs.csv_file import LabValues

if TYPE_CHECKING:
    from pipeline.analysis import Analysis
    from pipeline.model_bundle import ModelBundle
    from pipeline.study import Study

NO_LABS = "The file of laboratory values holds none for this patient; check its patient_id column."
"""Warning of an analysis that was given values, and none of its patient; names nobody."""

OnStage = Callable[[str], None]
Analyse = Callable[["Study", "ModelBundle"], "Analysis"]


@dataclass(frozen=True)
class OfflineOutcome:
    """What became of one study.

    Parameters
    ----------
    folder
        Where its files lie.
    code
        Of the refusal; None where it was analysed.
    document
        The content of ``result.json``.
    """

    folder: Path
    code: str | None
    document: Mapping[str, Any]


def in_this_process(on_stage: OnStage, analytes: AnalyteRules, device: Device = "cpu") -> Analyse:
    """Return the pipeline as a function that tells of its stages."""

    def run(study: "Study", bundle: "ModelBundle") -> "Analysis":
        from pipeline.run import analyse  # noqa: PLC0415 - `node` computes nothing until it is asked to

        return analyse(study, bundle, clock=time.perf_counter, progress=on_stage, analytes=analytes, device=device)

    return run


def analyse_folder(
    folder: Path,
    out: Path,
    bundle: "ModelBundle",
    *,
    rules: SeriesRules,
    analytes: AnalyteRules,
    labs: LabValues | None,
    on_stage: OnStage,
    analyse: Analyse | None = None,
) -> list[OfflineOutcome]:
    """Analyse every study in a folder; of several, study n in `out`/study-n, by StudyInstanceUID.

    Parameters
    ----------
    rules
        Of series matching, in force.
    analytes
        Of the clinical values, in force.
    labs
        Laboratory values by patient; a patient without any is analysed without, and the report says so. None:
        nobody gave any.
    on_stage
        Told what happens now.
    analyse
        Runs the pipeline; in this process, on its processors, where absent.

    Raises
    ------
    NoDicomError
        There is nothing to analyse.
    TransientError
        Memory or a device was not available.
    """
    run = analyse or in_this_process(on_stage, analytes)
    on_stage("scan")
    scan = scan_folder(folder)
    matches = {match.study_instance_uid: match for match in match_studies(scan, rules)}
    outcomes, parts = [], scan.by_study()
    for number, (uid, match) in enumerate(sorted(matches.items()), start=1):
        target = out / f"study-{number}" if len(matches) > 1 else out
        sources = _sources(parts[uid])
        clinical = _clinical(match, sources, labs, analytes)
        tools = replace(make_tools(bundle, run, rules, analytes), match=_already(match))
        if labs is not None and not clinical:
            tools = replace(tools, analyse=_warning(tools.analyse, NO_LABS))
        target.mkdir(parents=True, exist_ok=True)
        outcome = run_job(uid, sources, _always(clinical), target, tools, on_stage)
        outcomes.append(OfflineOutcome(target, outcome.code, outcome.written.document))
    return outcomes


def _already(match: MatchResult) -> Callable[[str, Sequence[Path], Overrides], MatchResult]:
    return lambda _study_instance_uid, _paths, _overrides: match


def _always(clinical: ClinicalValues) -> ChooseValues:
    return lambda _match: clinical


def _warning(analyse: Callable[["Study"], "Analysis"], warning: str) -> Callable[["Study"], "Analysis"]:
    def run(study: "Study") -> "Analysis":
        analysis = analyse(study)
        return replace(analysis, warnings=(warning, *analysis.warnings))

    return run


def _sources(scan: ScanResult) -> list[SourceInstance]:
    images = {frame.instance.sop_instance_uid: frame.instance for frame in scan.frames}
    others = [SourceInstance(item.path, item.sop_class_uid, item.sop_instance_uid) for item in scan.others]
    # A study without one usable image is refused as well, and its SR needs something to take the patient from.
    return list(images.values()) or others


def _clinical(
    match: MatchResult, sources: Sequence[SourceInstance], labs: LabValues | None, analytes: AnalyteRules
) -> ClinicalValues:
    if labs is None or match.code is not None:
        return {}
    known = labs.of(*read_patient(sources[0].path))
    return values_of_examination(known, when_examined(match), analytes.window)
