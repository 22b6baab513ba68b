"""A refusal as a result: a coded report of what is missing and what would help."""

from collections.abc import Sequence
from datetime import datetime

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, MRImageStorage

from dicom_io.assembly.match_result import SourceInstance
from dicom_io.results import codes
from dicom_io.results.headers import copy_patient_and_study, read_header
from dicom_io.results.product import Product, stamp
from dicom_io.results.refusal import Refusal
from dicom_io.results.report_content import algorithm, close_document, evidence_group, observer, text
from dicom_io.results.report_items import reference
from dicom_io.results.report_object import PriorReport, report_object, reported_procedure
from dicom_io.results.segmentation_source import BLANK
from dicom_io.results.uids import ResultUids
from pipeline.errors import UnsuitableStudyError

_KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
_IMAGE_CLASSES = frozenset({MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage})


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
        title=codes.TEXT_REPORT_TITLE,
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


def readable_headers(sources: Sequence[SourceInstance]) -> list[Dataset]:
    """Read the headers that can be read, those of images first; a refusal is often about one that cannot.

    Returns
    -------
    list[Dataset]
        One of each instance, the first that can be read where it came twice; empty where none can.
    """
    headers: dict[str, Dataset] = {}
    for source in sources:
        try:
            header = read_header(source.path, _KEYWORDS)
        except UnsuitableStudyError:
            continue
        if all(header.get(keyword) for keyword in _KEYWORDS[:4]):
            headers.setdefault(str(header.SOPInstanceUID), header)
    return sorted(headers.values(), key=lambda header: header.SOPClassUID not in _IMAGE_CLASSES)


def _blank(header: Dataset) -> Dataset:
    """Return the references of an instance, with blank patient and study and no geometry."""
    image = reference(header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPClassUID, header.SOPInstanceUID)
    image.Modality = ""
    image.Rows, image.Columns = header.get("Rows") or 0, header.get("Columns") or 0
    for keyword in BLANK:
        setattr(image, keyword, "")
    return image
