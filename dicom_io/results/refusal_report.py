"""A refusal as a result: a coded report of what is missing and what would help."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, MRImageStorage

from dicom_io.assembly.match_result import MatchResult, RejectedSubVolume, SourceInstance
from dicom_io.results import codes
from dicom_io.results.headers import copy_patient_and_study, read_header
from dicom_io.results.product import Product, stamp
from dicom_io.results.report import PriorReport, report_object, reported_procedure
from dicom_io.results.report_content import algorithm, close_document, evidence_group, observer, text
from dicom_io.results.report_items import reference
from dicom_io.results.segmentation_source import BLANK
from dicom_io.results.uids import ResultUids
from dicom_io.results.wording import ROLE_TITLES, in_words
from pipeline.errors import StudyError, UnsuitableStudyError
from pipeline.study import Role

MOST_REJECTED = 40
"""Sub-volumes that are listed; a study of a whole day would otherwise fill pages."""

NO_REMEDY = "Read the study without this result, and ask who runs the node to look into its log."
"""What helps where nothing better is known."""

_KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
_IMAGE_CLASSES = frozenset({MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage})


@dataclass(frozen=True)
class Refusal:
    """Why a study is not analysed.

    Parameters
    ----------
    code
        Of the reference table.
    message, remedy
        A sentence each, in a radiologist's words.
    stage
        Where it happened.
    details
        Further sentences: what was assigned by hand, which roles were filled, why other series were not taken.
    """

    code: str
    message: str
    remedy: str
    stage: str
    details: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Message and remedy as one text."""
        return " ".join(part for part in (self.message, self.remedy) if part)

    @classmethod
    def of(
        cls,
        cause: StudyError | MatchResult,
        assignments: tuple[str, ...] = (),
        match: MatchResult | None = None,
    ) -> "Refusal":
        """Take the facts from an error, or from a refused match.

        Parameters
        ----------
        assignments
            What people assigned by hand, told first.
        match
            The accepted one that an error came after: a reader is told which series was the sequence it names.
        """
        if isinstance(cause, StudyError):
            remedy, taken = in_words(cause.remedy) or NO_REMEDY, () if match is None else _found(match)
            return cls(cause.code, in_words(cause.message), remedy, cause.stage, (*assignments, *taken))
        code, message, remedy = (
            cause.code or "SM-REFUSED",
            in_words(cause.message),
            in_words(cause.remedy) or NO_REMEDY,
        )
        return cls(code, message, remedy, "assemble", (*assignments, *_details(cause)))


def build_refusal_report(
    headers: Sequence[Dataset],
    refusal: Refusal,
    *,
    product: Product,
    uids: ResultUids,
    now: datetime,
    predecessor: PriorReport | None = None,
) -> sr.Comprehensive3DSR:
    """Write a refusal as a Comprehensive 3D SR: 111245, no algorithms succeeded.

    Parameters
    ----------
    headers
        Of the instances of the study, from `readable_headers`: images first.
    refusal
        What to say.
    product
        Software and, where one was loaded, model.
    uids
        Of this result.
    now
        Becomes the content date and time.
    predecessor
        The report that this one replaces.

    Returns
    -------
    highdicom.sr.Comprehensive3DSR
        PARTIAL, UNVERIFIED, PRELIMINARY.
    """
    first = headers[0]
    key = _blank(first)
    document = sr.MeasurementReport(
        observation_context=observer(product),
        procedure_reported=reported_procedure(first),
        imaging_measurements=[
            evidence_group(uids.study_evidence(), "Refusal", _items(refusal), algorithm(product, {}))
        ],
        title=codes.REPORT_TITLE,
        referenced_images=[key] if first.SOPClassUID in _IMAGE_CLASSES else None,
    )
    close_document(document, codes.NONE_SUCCEEDED)
    evidence = [key, *(_blank(header) for header in headers)]
    report = report_object(document, evidence, product, uids, predecessor, is_complete=False)
    copy_patient_and_study(first, report)
    stamp(report, product, now)
    return report


def _items(refusal: Refusal) -> list[sr.TextContentItem]:
    items = [text(codes.REFUSAL_CODE, refusal.code), text(codes.REFUSAL_REASON, refusal.message)]
    if refusal.remedy:
        items.append(text(codes.REFUSAL_REMEDY, refusal.remedy))
    items.append(text(codes.COMMENT, "No segmentation and no risk were computed."))
    return [*items, *(text(codes.COMMENT, sentence) for sentence in refusal.details)]


def _details(match: MatchResult) -> tuple[str, ...]:
    missing = [ROLE_TITLES[role] for role in Role if role not in match.roles]
    sentences = [*_found(match)]
    if missing:
        sentences.append(f"Missing: {', '.join(missing)}.")
    # The three planes of a localizer are three sub-volumes with one sentence.
    rejected = tuple(dict.fromkeys(_not_used(entry) for entry in match.rejected))
    sentences.extend(rejected[:MOST_REJECTED])
    if len(rejected) > MOST_REJECTED:
        sentences.append(f"{len(rejected) - MOST_REJECTED} more sub-volumes were not used.")
    return tuple(sentences)


def _found(match: MatchResult) -> tuple[str, ...]:
    return tuple(
        f"{ROLE_TITLES[role]}: {_series(chosen.series_number, chosen.series_description)} was found."
        for role, chosen in match.roles.items()
    )


def _not_used(entry: RejectedSubVolume) -> str:
    part = f", {entry.sub_volume}" if entry.sub_volume else ""
    series = _series(entry.series_number, entry.series_description)
    return f"Not used: {series}{part}: {entry.because.rstrip('.')} ({entry.code})."


def _series(number: int | None, description: str) -> str:
    return f"series {'without number' if number is None else number} ({description or 'no description'})"


def readable_headers(sources: Sequence[SourceInstance]) -> list[Dataset]:
    """Read the headers that can be read, those of images first; a refusal is often about one that cannot.

    Raises
    ------
    UnsuitableStudyError
        No source can be read, so that nobody knows whose study it is (``RES-SOURCE``).
    """
    headers, failure = [], None
    for source in sources:
        try:
            header = read_header(source.path, _KEYWORDS)
        except UnsuitableStudyError as error:
            failure = error
            continue
        if all(header.get(keyword) for keyword in _KEYWORDS[:4]):
            headers.append(header)
    if not headers:
        raise failure or UnsuitableStudyError(
            "RES-SOURCE",
            "The study holds no readable instance, so that nothing says whose it is.",
            remedy="Send the study again.",
            stage="report",
        )
    return sorted(headers, key=lambda header: header.SOPClassUID not in _IMAGE_CLASSES)


def _blank(header: Dataset) -> Dataset:
    """Return the references of an instance, with blank patient and study and no geometry."""
    image = reference(header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPClassUID, header.SOPInstanceUID)
    image.Modality = ""
    image.Rows, image.Columns = header.get("Rows") or 0, header.get("Columns") or 0
    for keyword in BLANK:
        setattr(image, keyword, "")
    return image
