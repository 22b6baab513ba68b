"""The job of a worker: one claimed study, from the inbox to a folder of results."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_io.assembly.match_result import MatchResult, SourceInstance
from dicom_io.network.identity import UnreadableInstanceError, read_file_identity
from dicom_io.results.report_object import PriorReport
from node.analysis.finished_study import FinishedStudy
from node.analysis.job import ClinicalValues, EarlierReports, Refuse, Tools, run_job
from node.labs.study_labs import StudyLabs
from node.labs.study_values import StudyValues
from node.ledger.ledger import Ledger
from node.ledger.records import ANALYSED_SOP_CLASSES, Claim, ObjectKind, ResultObject
from node.storage.results_folder import replacing, results_folder
from node.studies.overrides import overrides_of, shown

if TYPE_CHECKING:
    from dicom_io.results.written import WrittenResults
    from pipeline.analysis import Analysis
    from pipeline.errors import StudyError
    from pipeline.study import Study

logger = logging.getLogger(__name__)


class StudyJob:
    """Runs the analysis job on studies of the ledger.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger are relative to.
    labs
        Finds the laboratory values of a study.
    """

    def __init__(self, ledger: Ledger, storage: Path, tools: Tools, labs: StudyLabs) -> None:
        self._ledger = ledger
        self._storage = storage
        self._tools = tools
        self._labs = labs

    def __call__(self, claim: Claim) -> FinishedStudy:
        """Analyse or refuse the study of `claim`; doing it twice gives the same objects."""
        uid = claim.study_instance_uid
        folder = results_folder(self._storage, uid, claim.generation)
        found = StudyValues({}, {}, ())

        def choose(match: MatchResult) -> ClinicalValues:
            nonlocal found
            found = self._labs.choose(claim, match)
            return found.clinical

        remarks = self._remarks(uid)
        tools = replace(
            self._tools,
            analyse=_warning(self._tools.analyse, lambda: (*remarks, *found.warnings)),
            refuse=_remarking(self._tools.refuse, remarks),
        )
        with replacing(folder) as fresh:
            earlier = self._earlier_reports(uid)
            overrides = overrides_of(self._ledger.assignments.last(uid))
            outcome = run_job(uid, self._sources(uid), choose, fresh, tools, earlier=earlier, overrides=overrides)
            written = outcome.written
            files = {
                ObjectKind.SEG: written.seg,
                ObjectKind.SR: written.sr,
                ObjectKind.SUMMARY: written.summary_sc,
            }
            present = {kind: path.relative_to(fresh) for kind, path in files.items() if path is not None}
        objects = tuple(self._object(kind, folder / path) for kind, path in present.items())
        self._labs.finished(claim, found, has_risk=written.document.get("risk") is not None)
        return FinishedStudy(outcome.code, outcome.message, objects, _timing_s(written.document))

    def _sources(self, study_instance_uid: str) -> list[SourceInstance]:
        return [
            SourceInstance(self._storage / found.path, found.sop_class_uid, found.sop_instance_uid)
            for found in self._ledger.studies.files(study_instance_uid)
            if found.sop_class_uid in ANALYSED_SOP_CLASSES
        ]

    def _remarks(self, study_instance_uid: str) -> tuple[str, ...]:
        """Return that a person asked for this result: with it the result has UIDs of its own."""
        study = self._ledger.studies.get(study_instance_uid)
        if study.reprocessed_at is None:
            return ()
        at = shown(study.reprocessed_at)
        return (f"This result was made anew on request (by {study.reprocessed_by} at {at}).",)

    def _earlier_reports(self, study_instance_uid: str) -> list[PriorReport]:
        """Return what a new report may replace, also where no peer ever got it: the history of the study."""
        reports = []
        for result in self._ledger.studies.results(study_instance_uid):
            if result.kind is not ObjectKind.SR:
                continue
            try:
                found = read_file_identity(self._storage / result.path).identity
            except (UnreadableInstanceError, OSError) as error:
                logger.warning("earlier report cannot be read path=%s error=%s", result.path, type(error).__name__)
                continue
            # Another result of the same generation may have taken its place.
            if found.sop_instance_uid == result.sop_instance_uid:
                reports.append(PriorReport(study_instance_uid, found.series_instance_uid, found.sop_instance_uid))
        return reports

    def _object(self, kind: ObjectKind, path: Path) -> ResultObject:
        identity = read_file_identity(path).identity
        relative = path.relative_to(self._storage).as_posix()
        return ResultObject(kind, identity.sop_class_uid, identity.sop_instance_uid, relative)


def _timing_s(document: Mapping[str, object]) -> Mapping[str, float]:
    """Return the seconds by stage of ``result.json``; a refusal has none."""
    timing_s = document.get("timing_s")
    return (
        {str(stage): float(seconds) for stage, seconds in timing_s.items()} if isinstance(timing_s, dict) else {}
    )


def _warning(
    analyse: Callable[["Study"], "Analysis"], warnings: Callable[[], tuple[str, ...]]
) -> Callable[["Study"], "Analysis"]:
    def run(study: "Study") -> "Analysis":
        analysis = analyse(study)
        more = warnings()
        return replace(analysis, warnings=(*more, *analysis.warnings)) if more else analysis

    return run


def _remarking(refuse: Refuse, remarks: tuple[str, ...]) -> Refuse:
    def run(
        sources: Sequence[SourceInstance],
        study_instance_uid: str,
        error: "StudyError",
        out: Path,
        earlier: EarlierReports,
        told: Sequence[str],
    ) -> "WrittenResults":
        return refuse(sources, study_instance_uid, error, out, earlier, (*told, *remarks))

    return run
