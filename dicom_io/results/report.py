"""The structured report of an analysis: Comprehensive 3D SR, TID 1500, as IHE AIR asks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from highdicom import sr

from dicom_io.assembly.match_result import MatchResult
from dicom_io.results import codes
from dicom_io.results.clinical_items import clinical_container
from dicom_io.results.headers import copy_patient_and_study
from dicom_io.results.lesion_groups import lesion_groups
from dicom_io.results.outlines import largest_slice
from dicom_io.results.product import Product, stamp
from dicom_io.results.report_content import (
    MeasurementGroup,
    algorithm,
    close_document,
    evidence_group,
    observer,
)
from dicom_io.results.report_items import analysis_items, series_items, source_references
from dicom_io.results.report_object import PriorReport, report_object, reported_procedure
from dicom_io.results.segmentation_source import single_frame_image
from dicom_io.results.segments import Segment, tracking_id
from dicom_io.results.sources import SegmentedSeries
from dicom_io.results.uids import ResultUids
from pipeline.analysis import Analysis
from pipeline.study import Analyte, ClinicalValue


def build_report(
    match: MatchResult,
    analysis: Analysis,
    source: SegmentedSeries,
    segments: Sequence[Segment],
    *,
    uids: ResultUids,
    now: datetime,
    clinical: Mapping[Analyte, ClinicalValue],
    predecessor: PriorReport | None = None,
) -> sr.Comprehensive3DSR:
    """Write an analysis as a Comprehensive 3D SR (PS3.3 A.35.13).

    Parameters
    ----------
    match
        The six series, all of which become evidence.
    analysis
        What is reported.
    source
        The original hepatobiliary series.
    segments
        Of the SEG that the report refers to; empty where there is none.
    uids
        Of this result.
    now
        Becomes the content date and time.
    clinical
        Dates and origins of the clinical values, where known.
    predecessor
        The report that this one replaces.

    Returns
    -------
    highdicom.sr.Comprehensive3DSR
        COMPLETE, UNVERIFIED, PRELIMINARY: verification is the radiologist's.
    """
    product = Product.current(analysis.model)
    key = single_frame_image(source, source.frames[key_slice(analysis)])
    document = sr.MeasurementReport(
        observation_context=observer(product),
        procedure_reported=reported_procedure(source.header),
        imaging_measurements=_groups(match, analysis, source, segments, uids, product),
        title=codes.REPORT_TITLE if analysis.lesions else codes.TEXT_REPORT_TITLE,
        # One image: each costs 50 ms and 4 kB, and OHIF needs one to accept the report at all.
        referenced_images=[key],
    )
    _name_frame(document, source, analysis)
    if analysis.clinical_used:
        document[0].ContentSequence.append(clinical_container(analysis.clinical_used, clinical))
    found = bool(analysis.lesions)
    close_document(document, codes.ALL_SUCCEEDED_WITH_FINDINGS if found else codes.ALL_SUCCEEDED_WITHOUT_FINDINGS)
    evidence = [key, *source_references(match, uids if segments else None)]
    report = report_object(document, evidence, product, uids, predecessor, is_complete=True)
    copy_patient_and_study(source.header, report)
    stamp(report, product, now)
    return report


def key_slice(analysis: Analysis) -> int:
    """Return the slice that shows the largest lesion best or, without one, the liver."""
    if analysis.lesions:
        return largest_slice(analysis.lesion_map.array == analysis.lesions[0].number)
    return largest_slice(analysis.liver_map.array > 0)


def _groups(
    match: MatchResult,
    analysis: Analysis,
    source: SegmentedSeries,
    segments: Sequence[Segment],
    uids: ResultUids,
    product: Product,
) -> list[MeasurementGroup]:
    groups: list[MeasurementGroup] = [
        group
        for lesion in analysis.lesions
        for group in lesion_groups(lesion, analysis, source, segments, uids, product)
    ]
    # The texts of the study join the largest lesion, whose group holds coordinates.
    uid = uids.lesion(analysis.lesions[0].number) if analysis.lesions else uids.study_evidence()
    name = tracking_id(analysis.lesions[0].number) if analysis.lesions else "Study"
    items = [*series_items(match), *analysis_items(analysis)]
    return [*groups, evidence_group(uid, name, items, algorithm(product, {}))]


def _name_frame(document: sr.MeasurementReport, source: SegmentedSeries, analysis: Analysis) -> None:
    """Say which frame of a multi-frame instance the key image is; highdicom refers to all of them."""
    number = source.frames[key_slice(analysis)].number
    if number is None:
        return
    for library in document[0].ContentSequence:
        if library.name == sr.CodedConcept("111028", "DCM", "Image Library"):
            image = library.ContentSequence[0].ContentSequence[-1]
            image.ReferencedSOPSequence[0].ReferencedFrameNumber = number
