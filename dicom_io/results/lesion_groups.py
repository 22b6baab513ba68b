"""The measurement groups of one lesion: volumetric (TID 1411) and planar (TID 1410), under one tracking UID."""

from collections.abc import Sequence

import numpy as np
from highdicom import sr
from pydicom.uid import SegmentationStorage

from dicom_io.results import codes
from dicom_io.results.outlines import largest_slice, outline
from dicom_io.results.product import Product
from dicom_io.results.report_content import MODIFIER, MeasurementGroup, algorithm
from dicom_io.results.segments import Segment, tracking_id
from dicom_io.results.sources import SegmentedSeries
from dicom_io.results.uids import ResultUids
from pipeline.analysis import Analysis, Lesion, Risk

PROBABILITY_DIGITS = 3
SIZE_DIGITS = 1
VOLUME_DIGITS = 3


def lesion_groups(
    lesion: Lesion,
    analysis: Analysis,
    source: SegmentedSeries,
    segments: Sequence[Segment],
    uids: ResultUids,
    product: Product,
) -> list[MeasurementGroup]:
    """Describe one lesion twice: as the segment that was measured, and as an outline that a viewer can draw.

    OHIF shows the numbers of a lesion only where a group with the same tracking UID holds coordinates.

    Parameters
    ----------
    lesion
        One of `analysis.lesions`; the first, the largest, carries the risk of the study.
    """
    segment = next(item for item in segments if item.lesion_number == lesion.number and not item.is_margin)
    risk = analysis.risk if lesion is analysis.lesions[0] else None
    category = codes.MORPHOLOGICALLY_ABNORMAL
    volumetric = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(lesion, uids),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=uids.instance("SEG"),
            segment_number=segment.number,
            source_series=sr.SourceSeriesForSegmentation(source.header.SeriesInstanceUID),
        ),
        finding_category=category,
        finding_type=codes.PRIMARY_NEOPLASM,
        finding_sites=[sr.FindingSite(codes.LIVER)],
        measurements=[
            *_sizes(lesion, product),
            *(_risk_numbers(risk, product, len(analysis.lesions)) if risk else []),
        ],
        qualitative_evaluations=[_category(risk)] if risk else None,
    )
    planar = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(lesion, uids),
        referenced_region=_region(lesion, analysis, source),
        finding_category=category,
        finding_type=codes.PRIMARY_NEOPLASM,
        finding_sites=[sr.FindingSite(codes.LIVER)],
    )
    return [volumetric, planar]


def _tracking(lesion: Lesion, uids: ResultUids) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(uid=uids.lesion(lesion.number), identifier=tracking_id(lesion.number))


def _sizes(lesion: Lesion, product: Product) -> list[sr.Measurement]:
    volume = sr.Measurement(
        name=codes.VOLUME,
        value=round(float(lesion.volume_cm3), VOLUME_DIGITS),
        unit=codes.CUBIC_CENTIMETRE,
        algorithm_id=algorithm(product, {}),
    )
    diameter = sr.Measurement(
        name=codes.DIAMETER,
        value=round(float(lesion.longest_diameter_mm), SIZE_DIGITS),
        unit=codes.MILLIMETRE,
        algorithm_id=algorithm(product, {}),
    )
    diameter[0].ContentSequence.append(
        sr.CodeContentItem(name=codes.TOPOGRAPHICAL_MODIFIER, value=codes.LONG_AXIS, relationship_type=MODIFIER)
    )
    return [volume, diameter]


def _risk_numbers(risk: Risk, product: Product, lesions: int) -> list[sr.Measurement]:
    parameters = {
        "threshold": f"{risk.threshold:.{PROBABILITY_DIGITS}f}",
        "calibrated": "yes" if risk.calibrated else "no",
        "classifier": risk.classifier.value,
        **({"lesions": f"all {lesions} together"} if lesions > 1 else {}),
        **({} if risk.left_out_auc is None else {"left_out_auc": f"{risk.left_out_auc:.2f}"}),
    }
    # Only a calibrated number may be called a probability.
    name = codes.MVI_PROBABILITY if risk.calibrated else codes.MVI_SCORE
    probability = sr.Measurement(
        name=name,
        value=round(float(risk.probability), PROBABILITY_DIGITS),
        unit=codes.NO_UNITS,
        algorithm_id=algorithm(product, parameters),
    )
    bounds = zip((codes.MVI_LOWER, codes.MVI_UPPER), risk.interval_95, strict=True)
    return [
        probability,
        *(
            sr.Measurement(
                name=concept,
                value=round(float(bound), PROBABILITY_DIGITS),
                unit=codes.NO_UNITS,
                algorithm_id=algorithm(product, parameters),
            )
            for concept, bound in bounds
        ),
    ]


def _category(risk: Risk) -> sr.QualitativeEvaluation:
    return sr.QualitativeEvaluation(name=codes.MVI_CATEGORY, value=codes.RISK_CODES[risk.category])


def _region(lesion: Lesion, analysis: Analysis, source: SegmentedSeries) -> sr.ImageRegion:
    mask = analysis.lesion_map.array == lesion.number
    k = largest_slice(mask)
    frame = source.frames[k]
    sop_class_uid, sop_instance_uid = frame.instance
    return sr.ImageRegion(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=np.round(outline(mask[k]), 2),
        source_image=sr.SourceImageForRegion(
            referenced_sop_class_uid=sop_class_uid,
            referenced_sop_instance_uid=sop_instance_uid,
            referenced_frame_numbers=None if frame.number is None else [frame.number],
        ),
    )
