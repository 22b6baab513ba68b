"""The job on one study: match, assemble, analyse, write. Shared by the worker and the offline `analyse`."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.assembly.match_result import MatchResult, SourceInstance
from dicom_io.assembly.overrides import Override
from pipeline.errors import Disposition, StudyError, UnsuitableStudyError
from pipeline.study import Analyte, ClinicalValue

if TYPE_CHECKING:
    from dicom_io.results.report_object import PriorReport
    from dicom_io.results.written import WrittenResults
    from pipeline.analysis import Analysis
    from pipeline.study import Study

ACCEPTED = "accepted"
MATCH_DOCUMENT = "match.json"
"""Beside the results, also of a refused study: what `match` would say."""

ClinicalValues = Mapping[Analyte, ClinicalValue]
ChooseValues = Callable[[MatchResult], ClinicalValues]
"""From the images that will be analysed, whose day counts, to one laboratory value of each known analyte."""
EarlierReports = Sequence["PriorReport"]
"""In the order in which they were first written."""
Overrides = Sequence[Override]
"""What people assigned, and what they took back; of each role the last."""

Refuse = Callable[
    [Sequence[SourceInstance], str, StudyError, Path, EarlierReports, Sequence[str]], "WrittenResults"
]
"""A coded refusal of the study with these instances into a folder."""


@dataclass(frozen=True)
class Tools:
    """The heavy functions of the job.

    Parameters
    ----------
    match
        From the files of one study, and what people assigned, to what fills its roles.
    assemble
        From a match and clinical values to arrays.
    analyse
        The pipeline with its model, in this process or elsewhere.
    write
        Results into a folder; takes the seconds spent so far by stage, the earlier reports of the study, and the
        clinical values for their provenance.
    refuse
        Takes the earlier reports, and what people did to the study, a sentence each, as well.
    inspect
        Whether the pixels bear the match out; they may refuse it.
    """

    match: Callable[[str, Sequence[Path], Overrides], MatchResult]
    assemble: Callable[[MatchResult, ClinicalValues], "Study"]
    analyse: Callable[["Study"], "Analysis"]
    write: Callable[
        [MatchResult, "Analysis", Path, Mapping[str, float], EarlierReports, ClinicalValues], "WrittenResults"
    ]
    refuse: Refuse
    inspect: Callable[[MatchResult, "Study"], MatchResult] = lambda match, _study: match


class RefusedMatchError(UnsuitableStudyError):
    """A refused match, which a report explains role by role."""

    def __init__(self, match: MatchResult) -> None:
        super().__init__(match.code or "SM", match.message, remedy=match.remedy, stage="assemble")
        self.match = match


class RefusedStudyError(StudyError):
    """What ended a study after an accepted match; a report names the series that were taken."""

    def __init__(self, error: StudyError, match: MatchResult) -> None:
        super().__init__(error.code, error.message, remedy=error.remedy, stage=error.stage)
        self.match = match


@dataclass(frozen=True)
class JobOutcome:
    """What became of one study.

    Parameters
    ----------
    code, message
        Of the refusal; None where the study was analysed.
    written
        The files, and the document of ``result.json``.
    """

    code: str | None
    message: str | None
    written: "WrittenResults"


def run_job(
    study_instance_uid: str,
    sources: Sequence[SourceInstance],
    choose: ChooseValues,
    out: Path,
    tools: Tools,
    on_stage: Callable[[str], None] = lambda _stage: None,
    *,
    earlier: EarlierReports = (),
    overrides: Overrides = (),
) -> JobOutcome:
    """Analyse one study and write its results, or its coded refusal, into `out`.

    Parameters
    ----------
    sources
        All instances of the study that may be analysed.
    choose
        Laboratory values, asked for once the series are matched; none is invented.
    out
        An existing folder.
    on_stage
        Told of ``match``, ``assemble``, ``analyse``, ``report`` as each begins.
    earlier
        Reports of the study that the new one comes after.
    overrides
        Series that people assigned to roles.

    Raises
    ------
    TransientError
        Something was not available; another attempt may succeed.
    """
    try:
        return _analyse(study_instance_uid, sources, choose, out, tools, on_stage, earlier, overrides)
    except StudyError as error:
        if error.disposition is not Disposition.REJECT:
            raise
        on_stage("report")
        told = tuple(item.sentence for item in overrides)
        written = tools.refuse(sources, study_instance_uid, error, out, earlier, told)
        # In the words of the report: what `queue` and `explain` say is what the radiologist reads.
        return JobOutcome(error.code, str(written.document["message"]), written)


def _analyse(
    study_instance_uid: str,
    sources: Sequence[SourceInstance],
    choose: ChooseValues,
    out: Path,
    tools: Tools,
    on_stage: Callable[[str], None],
    earlier: EarlierReports,
    overrides: Overrides,
) -> JobOutcome:
    began_s = time.perf_counter()
    on_stage("match")
    match = tools.match(study_instance_uid, [source.path for source in sources], overrides)
    _require_accepted(match, out)
    on_stage("assemble")
    clinical = choose(match)
    with _naming_series_of(match):
        study = tools.assemble(match, clinical)
    match = tools.inspect(match, study)
    _require_accepted(match, out)
    timing_s = {"assemble": time.perf_counter() - began_s}
    on_stage("analyse")
    with _naming_series_of(match):
        analysis = tools.analyse(study)
    if match.warnings:
        # First: a page has room for a few, and that a person chose a series is not to be missed.
        analysis = replace(analysis, warnings=(*match.warnings, *analysis.warnings))
    on_stage("report")
    return JobOutcome(None, None, tools.write(match, analysis, out, timing_s, earlier, clinical))


@contextmanager
def _naming_series_of(match: MatchResult) -> Iterator[None]:
    """Give a rejection the match that it came after."""
    try:
        yield
    except StudyError as error:
        if error.disposition is not Disposition.REJECT:
            raise
        raise RefusedStudyError(error, match) from error


def _require_accepted(match: MatchResult, out: Path) -> None:
    """Keep the match beside the results, and end the study where it is refused."""
    text = json.dumps(match.to_json(), indent=2, ensure_ascii=False)
    (out / MATCH_DOCUMENT).write_text(f"{text}\n", encoding="utf-8")
    if match.status != ACCEPTED:
        raise RefusedMatchError(match)
