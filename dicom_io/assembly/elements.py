"""Which elements matching reads, and a fast typed access to them."""

from collections.abc import Sequence
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from dicom_io.assembly.text import decode

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
]  # fmt: skip

PRIVATE_ELEMENTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "GEMS_PARM_01": (0x0043, (0x39, 0x2F)),
    "SIEMENS MR HEADER": (0x0019, (0x0C,)),
    "Philips Imaging DD 001": (0x2001, (0x03,)),
    "Philips MR Imaging DD 001": (0x2005, (0x0E,)),
    "Image Private Header": (0x0065, (0x09, 0x0A)),
}
"""Private creator: group and last byte of the elements read. Blocks move, so that the creator decides."""

_BLOCKS = range(0x10, 0x18)
"""Private blocks searched for a creator; writers assign them from 0x10 upwards (PS3.5 7.8.1)."""


def wanted_tags() -> list[BaseTag]:
    """Return the elements to read from a file; every other one is skipped while parsing."""
    tags = {Tag(tag) for keyword in _KEYWORDS if (tag := tag_for_keyword(keyword)) is not None}
    for group, elements in PRIVATE_ELEMENTS.values():
        tags |= {Tag(group, block) for block in _BLOCKS}
        tags |= {Tag(group, block << 8 | element) for block in _BLOCKS for element in elements}
    return sorted(tags)


class Elements:
    """Typed access to a data set: absent, empty and malformed values are all "not known", and never raise.

    Values that repeat through a series are converted once: converting is most of the cost of reading headers.

    Parameters
    ----------
    dataset
        As read, values still raw.
    seen
        Converted values by tag, VR and bytes, shared by the files of one scan.
    """

    def __init__(self, dataset: Dataset, seen: dict[tuple[Any, ...], Any]) -> None:
        self._dataset = dataset
        self._seen = seen
        self._character_sets: tuple[str, ...] = ()
        self._character_sets = self.words("SpecificCharacterSet")

    def value(self, name: str | BaseTag) -> Any:
        """Return the converted value of a keyword or tag, or None."""
        tag = tag_for_keyword(name) if isinstance(name, str) else name
        if tag is None or tag not in self._dataset:
            return None
        raw = self._dataset.get_item(tag)
        content = raw.value if raw is not None else None
        if not isinstance(content, bytes):
            return None if content is None else self._convert(tag)
        key = (tag, raw.VR if raw is not None else None, content)
        if key not in self._seen:
            self._seen[key] = self._convert(tag)
        return self._seen[key]

    def number(self, name: str | BaseTag) -> float | None:
        """Return the first value as a finite number, or None."""
        found = self.numbers(name)
        return found[0] if found else None

    def whole(self, name: str | BaseTag) -> int | None:
        """Return the first value as an integer, or None."""
        found = self.number(name)
        return None if found is None else int(found)

    def numbers(self, name: str | BaseTag) -> tuple[float, ...]:
        """Return all values as finite numbers; empty where absent or where one is not a number."""
        value = self.value(name)
        if value is None or isinstance(value, bytes):
            return ()
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        try:
            found = tuple(float(item) for item in items)
        except (TypeError, ValueError):
            return ()
        return found if all(abs(item) < float("inf") for item in found) else ()

    def words(self, name: str) -> tuple[str, ...]:
        """Return all values as stripped strings."""
        value = self.value(name)
        if value is None:
            return ()
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return tuple(str(item).strip(" \0") for item in items)

    def word(self, name: str) -> str:
        """Return the value as one stripped string, or an empty one."""
        return "\\".join(self.words(name))

    def text(self, keyword: str) -> tuple[str, ...]:
        """Return the readings of a text element, best first; one empty string where it is absent."""
        tag = tag_for_keyword(keyword)
        if tag is None or tag not in self._dataset:
            return ("",)
        raw = self._dataset.get_item(tag)
        content = raw.value if raw is not None else None
        if not isinstance(content, bytes):
            return (str(content or "").strip(),)
        key = ("text", content, self._character_sets)
        if key not in self._seen:
            self._seen[key] = decode(content, self._character_sets)
        result: tuple[str, ...] = self._seen[key]
        return result

    def items(self, keyword: str) -> list["Elements"]:
        """Return the items of a sequence; empty where absent."""
        tag = tag_for_keyword(keyword)
        if tag is None or tag not in self._dataset:
            return []
        return [self._nested(item) for item in self._dataset[tag].value or []]

    def private(self, creator: str, element: int) -> BaseTag | None:
        """Return the tag under which `creator` keeps `element`, or None where the block is absent."""
        group, _ = PRIVATE_ELEMENTS[creator]
        for block in _BLOCKS:
            if self.word_at(Tag(group, block)) == creator:
                tag = Tag(group, block << 8 | element)
                return tag if tag in self._dataset else None
        return None

    def word_at(self, tag: BaseTag) -> str:
        """Return the value at `tag` as a stripped string, or an empty one."""
        value = self.value(tag)
        return str(value).strip(" \0") if value is not None else ""

    def _nested(self, item: Dataset) -> "Elements":
        nested = Elements(item, self._seen)
        nested._character_sets = nested._character_sets or self._character_sets
        return nested

    def _convert(self, tag: BaseTag | int) -> Any:
        try:
            return self._dataset[tag].value
        except Exception:
            # pydicom converts lazily and raises whatever the malformed bytes provoke: ValueError, struct.error,
            # NotImplementedError, decimal.InvalidOperation. A value that cannot be read is not there.
            return None
