"""The Basic Application Level Confidentiality Profile (PS3.15 E.2) on one data set, and nothing but what is known.

The table of the profile names what must go; a scanner may write more. So an element stays only where the table
lets it and it is a number, a code, a time, a UID, a picture or a description that was cleaned.
"""

import re
from collections.abc import Callable, Mapping

from dicomanonymizer.simpledicomanonymizer import initialize_actions
from pydicom import Dataset, Sequence
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from dicom_io.assembly.wanted import PRIVATE_ELEMENTS
from dicom_io.deidentification.descriptions import IMAGE_TYPES, REPLACEMENT, Descriptions, words_of
from dicom_io.deidentification.secrets import Pseudonyms

TABLE = "dicomfields_2026c"
"""Edition of PS3.15 Table E.1-1."""

DESCRIPTORS = frozenset(
    tag_for_keyword(keyword) or 0
    for keyword in (
        "SeriesDescription", "ProtocolName", "ImageComments", "SequenceName", "PulseSequenceName",
        "ContrastBolusAgent", "Manufacturer", "RescaleType", "StackID", "DimensionDescriptionLabel",
        "CodeMeaning",
    )
)  # fmt: skip
"""Text that matching reads, or that a multi-frame image needs: kept, and cleaned."""
_CODES = frozenset(
    tag_for_keyword(keyword) or 0 for keyword in ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion")
)
_IMAGE_TYPES = frozenset(tag_for_keyword(keyword) or 0 for keyword in ("ImageType", "FrameType"))
_SCHEMES = frozenset(
    ("DCM", "SCT", "SRT", "SNM3", "99SDM", "LN", "UCUM", "RADLEX", "FMA", "NCIt", "UMLS", "UNS", "MSH", "NEU",
     "RXNORM", "NDC", "UNII", "PUBCHEM_CID", "ISO3166_1", "RFC5646")
)  # fmt: skip
"""Coding schemes of everybody (PS3.16 chapter 8); the codes of any other may be a hospital's own."""
_NOBODYS_SCHEME = "99X"
_NUMBERS = frozenset({"DS", "IS", "FD", "FL", "SS", "US", "SL", "UL", "SV", "UV", "AT"})
_PIXELS = frozenset(
    tag_for_keyword(keyword) or 0
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable",
                    "ExtendedOffsetTableLengths")
)  # fmt: skip
_BIRTH = frozenset(
    tag_for_keyword(keyword) or 0
    for keyword in ("PatientBirthDate", "PatientBirthTime", "PatientDeathDateInSequence")
)
_PATIENT_ID = tag_for_keyword("PatientID") or 0
_SAFE_PRIVATE = {creator: found for creator, found in PRIVATE_ELEMENTS.items() if creator != "SIEMENS CSA HEADER"}
"""Diffusion, dynamics and scaling, as numbers and codes, by creator (Retain Safe Private Option, PS3.15 E.3.10).

The CSA header is not among them: it holds a whole protocol, and whatever was typed at the scanner."""

_CURVES_AND_OVERLAYS = frozenset({0x5000, 0x6000})
_DIGITS = re.compile(rb"[0-9eE+\-.\\ \x00]*")

Action = Callable[[Dataset, tuple[int, int]], None]
Change = Callable[[str], str]


class Profile:
    """De-identifies data sets of one export.

    Parameters
    ----------
    names
        Words, lower case, that identify the patient or the people of the hospital.
    """

    def __init__(self, pseudonyms: Pseudonyms, descriptions: Descriptions, names: frozenset[str]) -> None:
        self._pseudonyms = pseudonyms
        self._descriptions = descriptions
        self._names = names
        actions: Mapping[tuple[int, ...], Action] = initialize_actions(TABLE)
        self._listed = {Tag(*tag): action for tag, action in actions.items() if len(tag) == 2}
        self._replacements: Mapping[BaseTag, Change] = {
            **dict.fromkeys(map(Tag, DESCRIPTORS), self._clean),
            **dict.fromkeys(map(Tag, _CODES), self._code),
            **dict.fromkeys(map(Tag, _IMAGE_TYPES), self._image_type),
            **dict.fromkeys(map(Tag, _BIRTH), lambda _value: ""),
            Tag(_PATIENT_ID): pseudonyms.patient_id,
        }
        # Also where the table removes them: what is of the same day, and before what, is what matching lives on.
        self._by_vr: Mapping[str, Change] = {
            "UI": lambda value: UID(pseudonyms.uid(value)),
            "DA": pseudonyms.date,
            "DT": pseudonyms.date,
            "TM": lambda value: value,
            "CS": self._code,
        }

    def apply(self, ds: Dataset) -> None:
        """De-identify a data set and the items in it, in place."""
        for tag in list(ds.keys()):
            if not self._stays(ds, tag) and tag in ds:
                del ds[tag]
        _forget_creators_of_nothing(ds)
        _forget_own_codes(ds)

    def _stays(self, ds: Dataset, tag: BaseTag) -> bool:
        if tag.group & 0xFF00 in _CURVES_AND_OVERLAYS:
            return False
        try:
            return self._private(ds, tag) if tag.is_private else self._public(ds, tag)
        except (ValueError, TypeError, NotImplementedError):
            return False  # What cannot be read, or has no dummy, cannot be known to be harmless.

    def _public(self, ds: Dataset, tag: BaseTag) -> bool:
        """Change an element of the standard; return whether it stays."""
        element = ds[tag]
        replacement = self._replacements.get(tag) or self._by_vr.get(element.VR)
        if replacement is not None:
            element.value = _each(element.value, replacement)
            return True
        if element.VR == "SQ":
            # A sequence that the table names is one of people, requests or references.
            return tag not in self._listed and self._items(element.value)
        action = self._listed.get(tag)
        if action is None:
            return tag in _PIXELS or element.VR in _NUMBERS
        # Emptied, or made a dummy, where the object must have it; what the table removes is gone.
        action(ds, (tag.group, tag.element))
        return tag in ds

    def _items(self, items: Sequence) -> bool:
        for item in items:
            self.apply(item)
        return True

    def _private(self, ds: Dataset, tag: BaseTag) -> bool:
        """Change a private element; return whether it stays: the numbers and codes that matching reads."""
        if tag.is_private_creator:
            return str(ds[tag].value) in _SAFE_PRIVATE
        creator = ds.get(Tag(tag.group, tag.element >> 8))
        group, elements = _SAFE_PRIVATE.get(str(creator.value) if creator is not None else "", (0, {}))
        vr = elements.get(tag.element & 0xFF, "") if tag.group == group else ""
        if not vr:
            return False
        element = ds[tag]
        if element.VR == "SQ":
            return self._items(element.value)
        if element.VR in _NUMBERS:
            return True
        if element.VR == "UN":
            # Its bytes are as its vendor means them; those of a text are not known to be one.
            return vr in _NUMBERS and (vr not in ("DS", "IS") or _DIGITS.fullmatch(element.value) is not None)
        element.value = _each(element.value, self._clean)
        return True

    def _code(self, value: str) -> str:
        """Return a code, which is a word of the standard or of a vendor, unless the patient is called so."""
        return REPLACEMENT if self._names & set(words_of(value)) else value

    def _image_type(self, value: str) -> str:
        """Return a value of Image Type, where from the third on a site's own software may write anything."""
        return self._descriptions.clean(value, self._names, IMAGE_TYPES)

    def _clean(self, text: str) -> str:
        return self._descriptions.clean(text, self._names)


def _each(value: object, change: Change) -> object:
    """Change a value, or each of several; what is empty stays so, but for what takes the place of nothing."""
    if value is None or value == "":
        return value
    if isinstance(value, list | MultiValue):
        return [change(str(item)) for item in value]
    return change(str(value))


def _forget_creators_of_nothing(ds: Dataset) -> None:
    used = {(tag.group, tag.element >> 8) for tag in ds.keys()}  # noqa: SIM118 - a data set yields elements
    for tag in [tag for tag in ds.keys() if tag.is_private_creator]:  # noqa: SIM118 - as above
        if (tag.group, tag.element) not in used:
            del ds[tag]


def _forget_own_codes(item: Dataset) -> None:
    """Take scheme and value from a code of nobody knows whom; its meaning was cleaned as every description."""
    if str(item.get("CodingSchemeDesignator") or "DCM") in _SCHEMES:
        return
    item.CodingSchemeDesignator = _NOBODYS_SCHEME
    if "CodeValue" in item:
        item.CodeValue = REPLACEMENT
    if "CodingSchemeVersion" in item:
        del item.CodingSchemeVersion
