"""The real tools of the job: `dicom_io` around the pipeline."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from config.analytes import AnalyteRules
from config.series_rules import SeriesRules
from dicom_io.assembly.match_result import MatchResult, SourceInstance
from dicom_io.assembly.matching import match_studies
from dicom_io.assembly.pixel_sanity import inspect
from dicom_io.assembly.progress import StudyProgress, study_progress
from dicom_io.assembly.refusals import refuse
from dicom_io.assembly.scanning import scan_files
from dicom_io.assembly.volumes import assemble
from dicom_io.results.writing import write_refusal, write_results
from dicom_io.results.written import ResultContext, WrittenResults
from node.analysis.job import (
    ClinicalValues,
    EarlierReports,
    Overrides,
    RefusedMatchError,
    RefusedStudyError,
    Tools,
)
from pipeline.errors import StudyError, UnsuitableStudyError

if TYPE_CHECKING:
    from pipeline.analysis import Analysis
    from pipeline.model_bundle import ModelBundle
    from pipeline.study import Study


def read_progress(paths: Sequence[Path], overrides: Overrides, *, rules: SeriesRules) -> StudyProgress:
    """Return how far the files of one study, and what people assigned, fill its roles."""
    return study_progress(scan_files(paths), rules, overrides)


def match_study(
    study_instance_uid: str, paths: Sequence[Path], overrides: Overrides, *, rules: SeriesRules
) -> MatchResult:
    """Match the series of one study around what people assigned.

    Raises
    ------
    UnsuitableStudyError
        ``SM-UNREADABLE``: no file of the study can be read.
    """
    scan = scan_files(paths)
    for match in match_studies(scan, rules, {study_instance_uid: overrides}):
        if match.study_instance_uid == study_instance_uid:
            return match
    closed = any(file.is_closed for file in scan.unreadable)
    remedy = refuse("SM-UNREADABLE", "").remedy if closed else "Send the study again."
    raise UnsuitableStudyError(
        "SM-UNREADABLE", "No image of the study can be read.", remedy=remedy, stage="assemble"
    )


def make_tools(
    bundle: "ModelBundle",
    analyse: Callable[["Study", "ModelBundle"], "Analysis"],
    rules: SeriesRules,
    analytes: AnalyteRules,
) -> Tools:
    """Return the tools for one model.

    Parameters
    ----------
    analyse
        Runs the pipeline, in this process or elsewhere.
    rules
        Of series matching, in force.
    analytes
        Of the clinical values, in force.
    """
    context = ResultContext(
        margin_mm=bundle.settings.lesions.margin_mm,
        settings_sha256=settings_sha256(rules, analytes),
    )

    def write(
        match: MatchResult,
        analysis: "Analysis",
        out: Path,
        timing_s: Mapping[str, float],
        earlier: EarlierReports,
        clinical: ClinicalValues,
    ) -> WrittenResults:
        own = replace(context, clinical=clinical, earlier_reports=tuple(earlier))
        return write_results(match, analysis, out, now=local_time(), timing_s=timing_s, context=own)

    def refuse(
        sources: Sequence[SourceInstance],
        study_instance_uid: str,
        error: StudyError,
        out: Path,
        earlier: EarlierReports,
        told: Sequence[str],
    ) -> WrittenResults:
        model, now = bundle.identity, local_time()
        taken = error.match if isinstance(error, RefusedStudyError) else None
        own = replace(context, earlier_reports=tuple(earlier), assignments=tuple(told), match=taken)
        cause = error.match if isinstance(error, RefusedMatchError) else error
        return write_refusal(sources, study_instance_uid, cause, out, model=model, now=now, context=own)

    return Tools(
        match=partial(match_study, rules=rules),
        assemble=lambda match, values: assemble(match, clinical=values),
        analyse=lambda study: analyse(study, bundle),
        write=write,
        refuse=refuse,
        inspect=lambda match, study: inspect(match, study.volumes, rules),
    )


def settings_sha256(*rules: SeriesRules | AnalyteRules) -> str:
    """Return a digest of whatever settings change a result beside the model, 64 hexadecimal digits."""
    text = json.dumps([item.model_dump(mode="json") for item in rules], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def local_time() -> datetime:
    """Return the local time of the site, aware: DICOM dates are local (PS3.5 6.2, DA and TM)."""
    return datetime.now().astimezone()
