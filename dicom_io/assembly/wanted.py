"""Which elements matching reads: the standard's by keyword, the vendors' by private creator."""

from functools import cache

from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag, Tag

_KEYWORDS = [
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "AcquisitionDate",
    "ContentDate", "SeriesDate", "AcquisitionDateTime", "StudyTime", "SeriesTime", "AcquisitionTime",
    "ContentTime", "Modality", "Manufacturer", "SeriesDescription", "PatientID", "IssuerOfPatientID",
    "BodyPartExamined", "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType",
    "SequenceName", "SliceThickness", "RepetitionTime", "EchoTime", "MagneticFieldStrength",
    "SpacingBetweenSlices", "EchoTrainLength", "EchoNumbers", "ProtocolName", "ContrastBolusAgent",
    "ContrastBolusStartTime", "TriggerTime", "FlipAngle", "DiffusionBValue", "DiffusionDirectionality",
    "DiffusionGradientOrientation", "PulseSequenceName", "StudyInstanceUID", "SeriesInstanceUID",
    "SeriesNumber", "AcquisitionNumber", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "FrameOfReferenceUID", "TemporalPositionIdentifier", "ImageComments", "NumberOfFrames", "Rows", "Columns",
    "PixelSpacing", "BurnedInAnnotation", "LossyImageCompression", "ComplexImageComponent", "EchoPulseSequence",
    "EchoPlanarPulseSequence", "SpectrallySelectedSuppression", "ContrastBolusUsageSequence",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ImagesInAcquisition",
    "UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence",
    "ContrastBolusAgentSequence", "ContrastBolusIngredient", "BitsAllocated", "SamplesPerPixel", "PatientName",
    "PatientBirthDate", "PatientSex", "PatientPosition", "StudyDescription", "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
]  # fmt: skip

PRIVATE_ELEMENTS: dict[str, tuple[int, dict[int, str]]] = {
    "GEMS_PARM_01": (0x0043, {0x39: "IS", 0x2F: "SS"}),
    "GEMS_RELA_01": (0x0021, {0x4F: "SS"}),
    "GEMS_ACQU_01": (0x0019, {0xBB: "DS", 0xBC: "DS", 0xBD: "DS"}),
    "SIEMENS MR HEADER": (0x0019, {0x0C: "IS", 0x0D: "CS", 0x0E: "FD"}),
    "SIEMENS CSA HEADER": (0x0029, {0x10: "OB"}),
    "Philips Imaging DD 001": (0x2001, {0x03: "FL", 0x04: "CS", 0x20: "LO"}),
    "Philips MR Imaging DD 001": (
        0x2005,
        {0x0D: "FL", 0x0E: "FL", 0x11: "CS", 0xB0: "FL", 0xB1: "FL", 0xB2: "FL"},
    ),
    "Philips MR Imaging DD 005": (0x2005, {0x0F: "SQ"}),
    "Image Private Header": (0x0065, {0x09: "FD", 0x0A: "FD", 0x37: "FD"}),
}
"""Private creator: group, and last byte and VR of the elements read. Blocks move, so that the creator decides; the
VR is that of the vendor, for files that passed through Implicit VR and carry UN."""

BLOCKS = range(0x10, 0x18)
"""Private blocks searched for a creator; writers assign them from 0x10 upwards (PS3.5 7.8.1)."""


@cache
def tag_of(keyword: str) -> int:
    """Return the tag of a keyword as a plain number; 0, which no data set holds, where there is none."""
    return tag_for_keyword(keyword) or 0


@cache
def wanted_tags() -> tuple[BaseTag, ...]:
    """Return the elements to read from a file; every other one is skipped while parsing."""
    tags = {Tag(tag) for keyword in _KEYWORDS if (tag := tag_for_keyword(keyword)) is not None}
    for group, elements in PRIVATE_ELEMENTS.values():
        tags |= {Tag(group, block) for block in BLOCKS}
        tags |= {Tag(group, block << 8 | element) for block in BLOCKS for element in elements}
    return tuple(sorted(tags))
