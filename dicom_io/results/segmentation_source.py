"""The source images as highdicom wants them: their geometry and references, and nothing that a hospital typed."""

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from dicom_io.results.normalising import normalised
from dicom_io.results.product import LONG_STRING
from dicom_io.results.sources import SegmentedSeries, SourceFrame

BLANK = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)


def source_images(source: SegmentedSeries) -> list[Dataset]:
    """Describe the frames of `source` to highdicom, in the order of the slices.

    Patient and study stay blank: highdicom fails on missing, malformed or ISO 2022 values, and warns with a name
    in the message. They are copied into the result afterwards.

    Parameters
    ----------
    source
        The series that was segmented.

    Returns
    -------
    list of Dataset
        One for each slice, or one with as many frames as slices.
    """
    if not source.is_multi_frame:
        return [single_frame_image(source, frame) for frame in source.frames]
    image = _reference(source.frames[0])
    image.NumberOfFrames = len(source.frames)
    shared = Dataset()
    shared.PlaneOrientationSequence = [_orientation(source)]
    shared.PixelMeasuresSequence = [_measures(source)]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [_per_frame(frame) for frame in source.frames]
    return [image]


def single_frame_image(source: SegmentedSeries, frame: SourceFrame) -> Dataset:
    """Describe one frame with its geometry at the top level, as classic MR does."""
    image = _reference(frame)
    image.update(_orientation(source))
    image.update(_measures(source))
    image.ImagePositionPatient = _decimals(frame.position_lps_mm)
    return image


def _reference(frame: SourceFrame) -> Dataset:
    header, image = frame.header, Dataset()
    image.SOPClassUID, image.SOPInstanceUID = frame.instance
    image.StudyInstanceUID, image.SeriesInstanceUID = header.StudyInstanceUID, header.SeriesInstanceUID
    image.FrameOfReferenceUID = header.FrameOfReferenceUID
    image.PositionReferenceIndicator = header.get("PositionReferenceIndicator") or ""
    image.Rows, image.Columns = header.Rows, header.Columns
    image.Modality = header.get("Modality") or "MR"
    for keyword in ("Manufacturer", "ManufacturerModelName"):
        if header.get(keyword):
            setattr(image, keyword, str(header.get(keyword))[:LONG_STRING])
    for keyword in BLANK:
        setattr(image, keyword, "")
    return image


def _orientation(source: SegmentedSeries) -> Dataset:
    # One orientation for all: highdicom compares the stored texts, which may differ in their last digit.
    item = Dataset()
    item.ImageOrientationPatient = _decimals(source.frames[0].orientation)
    return item


def _measures(source: SegmentedSeries) -> Dataset:
    spacing_z_mm = float(source.grid.spacing_xyz_mm[2])
    item = Dataset()
    item.PixelSpacing = _decimals(source.frames[0].spacing_xy_mm[::-1])
    # Slice Thickness is Type 2 and may be empty; the distance of the slices then says what a voxel covers.
    thickness = normalised(source.header["SliceThickness"]) if "SliceThickness" in source.header else None
    item.SliceThickness = format_number_as_ds(float((thickness and thickness.value) or spacing_z_mm))
    # OHIF fails on an absent Spacing Between Slices (its issue 3335).
    item.SpacingBetweenSlices = format_number_as_ds(spacing_z_mm)
    return item


def _per_frame(frame: SourceFrame) -> Dataset:
    position, group = Dataset(), Dataset()
    position.ImagePositionPatient = _decimals(frame.position_lps_mm)
    group.PlanePositionSequence = [position]
    return group


def _decimals(values: Iterable[float]) -> list[str]:
    return [format_number_as_ds(float(value)) for value in values]
