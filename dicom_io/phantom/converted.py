"""A classic series as one Legacy Converted Enhanced MR object (PS3.3 A.71), as archives make them."""

import warnings
from collections.abc import Sequence

from highdicom.legacy import LegacyConvertedEnhancedMRImage
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_io.phantom.classic import (
    Destination,
    WrittenFrame,
    pixels_of,
    slice_elements,
    slices_of,
    volume_elements,
)
from dicom_io.phantom.common import write_acquisition
from dicom_io.phantom.dialect import Slice
from dicom_io.phantom.functional_groups import describe_agent, usage
from dicom_io.phantom.plan import Agent, SeriesKind, SeriesPlan


def write_converted(plan: SeriesPlan, to: Destination) -> list[WrittenFrame]:
    """Convert a series and write it; the planes of a localizer become one object each."""
    shared = to.shared(plan)
    write_acquisition(shared, plan, to.dialect, to.field_strength_t)
    apart = plan.kind is SeriesKind.LOCALIZER
    groups: dict[int, list[tuple[Slice, Dataset]]] = {}
    for image in slices_of(plan, to):
        complete = _complete(shared, image, to)
        groups.setdefault(plan.parts.index(image.part) if apart else 0, []).append((image, complete))
    return [
        frame for number, group in enumerate(groups.values(), start=1) for frame in _write(plan, to, group, number)
    ]


def _complete(shared: Dataset, image: Slice, to: Destination) -> Dataset:
    """Return the classic instance as a whole."""
    ds = Dataset()
    for part in (shared, volume_elements(image, to), slice_elements(image, to)):
        ds.update(part)
    ds.PixelData = pixels_of(image, to)
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def _write(
    plan: SeriesPlan, to: Destination, group: Sequence[tuple[Slice, Dataset]], number: int
) -> list[WrittenFrame]:
    first = group[0][1]
    uid = to.identity.uid("converted", *plan.uid_parts, str(number))
    with warnings.catch_warnings():
        # The converter warns of attributes that a scanner leaves out.
        warnings.simplefilter("ignore")
        converted = LegacyConvertedEnhancedMRImage(
            [ds for _, ds in group], first.SeriesInstanceUID, plan.number, uid, number
        )
    by_uid = {ds.SOPInstanceUID: image for image, ds in group}
    images = [
        by_uid[item.ConversionSourceAttributesSequence[0].ReferencedSOPInstanceUID]
        for item in converted.PerFrameFunctionalGroupsSequence
    ]
    _complete_contrast(converted, first, images, to.study.agent)
    path = to.subfolder(plan) / f"i{number:04d}{plan.key}.dcm"
    converted.save_as(path, enforce_file_format=True)
    uids = (first.StudyInstanceUID, first.SeriesInstanceUID, uid)
    return [
        WrittenFrame(path, *uids, frame, image.k, image.part.role) for frame, image in enumerate(images, start=1)
    ]


def _complete_contrast(converted: Dataset, classic: Dataset, images: Sequence[Slice], agent: Agent) -> None:
    """Describe the agent as the object asks (PS3.3 C.7.6.4b), which the converter leaves to others."""
    if "ReferencedSeriesSequence" in converted:
        # It names the series that were converted, not what the object refers to.
        del converted.ReferencedSeriesSequence
    if "ContrastBolusAgent" not in classic:
        return
    describe_agent(converted, classic)
    for groups, image in zip(converted.PerFrameFunctionalGroupsSequence, images, strict=True):
        groups.ContrastBolusUsageSequence = [usage(image, agent)]
