"""What goes into a result beside the analysis, and which files come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from dicom_io.assembly.match_result import MatchResult
from dicom_io.results.document import Json
from dicom_io.results.report_object import PriorReport
from dicom_io.results.uids import ResultUids
from pipeline.study import Analyte, ClinicalValue


@dataclass(frozen=True)
class ResultContext:
    """What a result needs beside the analysis.

    Parameters
    ----------
    clinical
        Dates and origins of the clinical values, where known.
    margin_mm
        Width of the margin, as the model bundle sets it; for its label.
    settings_sha256
        Over whatever settings change a result; part of the key of the UIDs.
    earlier_reports
        Of the same study, in the order in which they were first written; this one replaces the last of them.
    assignments
        What people assigned by hand, a sentence each; of a refusal, since an analysis has them among its warnings.
    match
        Of a refusal that came after it: the series that were taken.
    """

    clinical: Mapping[Analyte, ClinicalValue] = field(default_factory=dict)
    margin_mm: float = 5.0
    settings_sha256: str = ""
    earlier_reports: tuple[PriorReport, ...] = ()
    assignments: tuple[str, ...] = ()
    match: MatchResult | None = None

    def uids(self, uids: ResultUids) -> ResultUids:
        """Return the UIDs of the result with these inputs, which is a new one where another came in between.

        Who takes an assignment back, or corrects a correction, gets the earlier result again. Archives have it
        already, and would go on to show the one in between, which says that it replaces it.
        """
        order = [prior.sop_instance_uid for prior in self.earlier_reports]
        while (own := uids.instance("SR")) in order[:-1]:
            uids = uids.after(order[order.index(own) + 1])
        return uids

    def predecessor(self, sop_instance_uid: str) -> PriorReport | None:
        """Return the report that this one replaces: of a report written again, what it replaced at first."""
        before = list(takewhile(lambda prior: prior.sop_instance_uid != sop_instance_uid, self.earlier_reports))
        return before[-1] if before else None


@dataclass(frozen=True)
class WrittenResults:
    """The files of one result.

    Parameters
    ----------
    seg
        None where there is no lesion, and for refusals.
    sr
        The structured report; None of a study of which nothing can be read.
    summary_png
        The summary page as a picture.
    summary_sc
        The summary page as a Secondary Capture.
    document
        The content of ``result.json``.
    """

    seg: Path | None
    sr: Path | None
    summary_png: Path | None
    summary_sc: Path | None
    document: Json

    @property
    def instances(self) -> tuple[Path, ...]:
        """The DICOM files in the order of delivery: SEG before the SR that refers to it."""
        return tuple(path for path in (self.seg, self.sr, self.summary_sc) if path is not None)
