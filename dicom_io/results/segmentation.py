"""The SEG: BINARY, every frame, on the grid of the original hepatobiliary series.

That combination is the only one that every documented viewer takes: OHIF misplaces omitted frames (its issue 2833)
and shows no FRACTIONAL segments (issue 1346), Weasis needs the grid of the source (issue 693).
"""

from collections.abc import Sequence
from datetime import datetime

from highdicom import AlgorithmIdentificationSequence, ContentQualificationValues
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian

from dicom_io.results import codes
from dicom_io.results.headers import copy_patient_and_study
from dicom_io.results.product import CREATOR_NAME, MANUFACTURER, MODEL_NAME, RESEARCH_NOTICE, Product, stamp
from dicom_io.results.segmentation_source import source_images
from dicom_io.results.segments import Segment, label_array
from dicom_io.results.sources import SegmentedSeries
from dicom_io.results.uids import ResultUids
from pipeline.analysis import Analysis

SERIES_NUMBER = 9001
CONTENT_LABEL = "MVI_SEG"
BODY_PART = "LIVER"
TUMOUR_RGB = (230, 25, 75)
MARGIN_RGB = (255, 225, 25)


def build_segmentation(
    analysis: Analysis,
    source: SegmentedSeries,
    segments: Sequence[Segment],
    *,
    uids: ResultUids,
    margin_mm: float,
    now: datetime,
) -> Segmentation:
    """Encode lesions and margins as a DICOM Segmentation (PS3.3 A.51).

    Parameters
    ----------
    analysis
        Its maps lie on the grid of `source`.
    source
        The original hepatobiliary series.
    segments
        At least one, from `segments_of`.
    uids
        Of this result.
    margin_mm
        Width of the margin, for its label.
    now
        Becomes the content date and time.

    Returns
    -------
    Segmentation
        Explicit VR Little Endian, segments without overlap, all frames.
    """
    product = Product.current(analysis.model)
    seg = Segmentation(
        source_images=source_images(source),
        pixel_array=label_array(analysis, segments),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(segment, product, margin_mm) for segment in segments],
        series_instance_uid=uids.series("SEG"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.instance("SEG"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=product.software_versions[0],
        device_serial_number=product.serial_number,
        content_label=CONTENT_LABEL,
        content_description=RESEARCH_NOTICE,
        content_creator_name=CREATOR_NAME,
        content_qualification=ContentQualificationValues.RESEARCH,
        coding_schemes=codes.coding_schemes(),
        series_description=f"AI MVI SEG v{analysis.model.version}"[:64],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=False,
    )
    _settle(seg, source, uids)
    stamp(seg, product, now)
    return seg


def _description(segment: Segment, product: Product, margin_mm: float) -> SegmentDescription:
    model = product.model
    if model is None:
        raise ValueError("a segment needs the model that made it")
    category: Code = codes.SPATIAL_CONCEPT if segment.is_margin else codes.MORPHOLOGICALLY_ABNORMAL
    kind: Code = codes.PERITUMORAL_REGION if segment.is_margin else codes.PRIMARY_NEOPLASM
    label = f"Tumour {segment.lesion_number}"
    if segment.is_margin:
        # The number only where it tells segments apart: the plain label is what reports quote.
        suffix = f" of tumour {segment.lesion_number}" if segment.lesion_number > 1 else ""
        label = f"Peritumoral margin {margin_mm:g} mm{suffix}"
    return SegmentDescription(
        segment_number=segment.number,
        segment_label=label,
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=model.name,
            family=codes.ARTIFICIAL_INTELLIGENCE,
            version=model.version,
            source=f"mvi-node {product.software_version}",
            parameters={
                "margin_mm": f"{margin_mm:g}",
                "model_sha256": model.sha256,
                "intended_use": model.intended_use,
            },
        ),
        tracking_uid=segment.tracking_uid,
        tracking_id=segment.tracking_id,
        anatomic_regions=[codes.LIVER],
        display_color=CIELabColor.from_rgb(*(MARGIN_RGB if segment.is_margin else TUMOUR_RGB)),
    )


def _settle(seg: Segmentation, source: SegmentedSeries, uids: ResultUids) -> None:
    """Give the object its patient, and the references and UIDs that highdicom could not know."""
    copy_patient_and_study(source.header, seg)
    seg.BodyPartExamined = BODY_PART
    for item in (*seg.DimensionOrganizationSequence, *seg.DimensionIndexSequence):
        item.DimensionOrganizationUID = uids.dimensions()
    if not source.is_multi_frame:
        return
    # highdicom saw only the frames of this role, numbered from 1; the stored instance may hold more. The items of
    # one slice are one object, shared by the segments.
    references = {
        id(image): image
        for group in seg.PerFrameFunctionalGroupsSequence
        for derivation in group.DerivationImageSequence
        for image in derivation.SourceImageSequence
    }
    for image in references.values():
        image.ReferencedFrameNumber = source.frames[image.ReferencedFrameNumber - 1].number
