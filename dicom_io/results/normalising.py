"""The elements of a hospital's header, made valid in a copy; what identifies a patient or study is never cut."""

import re
from collections.abc import Iterable, Sequence

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

IDENTIFIERS = frozenset({"PatientName", "PatientID", "AccessionNumber", "StudyID", "ReferringPhysicianName"})
"""Repeated as they are, also too long: an archive knows the study by them, and cut short they are another's."""

# An escape sequence of ISO 2022, since pydicom leaves that of ISO 2022 IR 58 (GB2312) in the text; and the control
# characters that no text may hold (PS3.5 6.1.3), but a terminal would obey.
_ESCAPE = re.compile(r"\x1b[\x20-\x2f]+[\x30-\x7e]|[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_TEXT_VRS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_LENGTHS = {"LO": 64, "LT": 10240, "ST": 1024, "AE": 16, "CS": 16, "SH": 16, "PN": 64}
"""Characters (PS3.5 6.2)."""
_PROSE = frozenset({"LO", "LT", "ST", "UC", "UT"})
"""Texts that mean the same where they are cut short, or two values are one."""
_VALID = {
    "DA": re.compile(r"(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "TM": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "AS": re.compile(r"\d{3}[DWMY]"),
    "DS": re.compile(r"(?=.{1,16}$)\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"),
    "UI": re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*"),
}
_DEFINED = {"PatientSex": frozenset({"M", "F", "O"}), "PatientIdentityRemoved": frozenset({"YES", "NO"})}
_CODE = ("CodingSchemeDesignator", "CodeMeaning", "CodeValue")
_NEEDED = {
    "OtherPatientIDsSequence": ("PatientID", "TypeOfPatientID"),
    "ProcedureCodeSequence": _CODE,
    "DeidentificationMethodCodeSequence": _CODE,
    "ReferencedStudySequence": ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"),
}
"""Type 1 elements of the items of a sequence: an item without them says nothing."""
_OTHER_CODE_VALUES = frozenset({"LongCodeValue", "URNCodeValue"})


def normalised(element: DataElement) -> DataElement | None:
    """Return a copy in Unicode; None where nothing of the value is valid for its VR.

    Parameters
    ----------
    element
        Of a patient or study; not changed.
    """
    if element.VR == "SQ":
        items = _items(element.keyword, element.value)
        return DataElement(element.tag, "SQ", items) if items else None
    value = element.value if element.is_empty else _valid(element)
    return None if value is None else DataElement(element.tag, element.VR, value, validation_mode=IGNORE)


def complete(ds: Dataset) -> None:
    """Give optional modules what they require of one another, or take them out (PS3.3 C.7.1.1, C.7.1.3)."""
    methods = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
    if ds.get("PatientIdentityRemoved") == "YES" and not any(keyword in ds for keyword in methods):
        ds.DeidentificationMethod = "not stated by the source images"
    trial = [element.keyword for element in ds if element.keyword.startswith("ClinicalTrial")]
    subjects = ("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID")
    is_whole = {"ClinicalTrialSponsorName", "ClinicalTrialProtocolID"} <= {*trial} and {*subjects} & {*trial}
    for keyword in () if is_whole else trial:
        del ds[keyword]
    for keyword in ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName"):
        if is_whole and keyword not in ds:
            setattr(ds, keyword, "")


def _items(keyword: str, items: Iterable[Dataset]) -> list[Dataset]:
    copies = [_item(item) for item in items]
    needed = _NEEDED.get(keyword, ())
    return [copy for copy in copies if len(copy) and all(_has(copy, name) for name in needed)]


def _has(item: Dataset, keyword: str) -> bool:
    names = {keyword} if keyword != "CodeValue" else {keyword, *_OTHER_CODE_VALUES}
    return any(name in item and not item[name].is_empty for name in names)


def _item(item: Dataset) -> Dataset:
    copy = Dataset()
    for element in item:
        if element.tag.is_private or element.keyword == "SpecificCharacterSet":
            continue
        kept = normalised(element)
        if kept is not None:
            copy.add(kept)
    return copy


def _valid(element: DataElement) -> object:
    """Return what is valid of a value that is not empty; None where nothing is."""
    if element.VR in _VALID:
        value = _unicode(element.value)
        return value if _VALID[element.VR].fullmatch(str(value)) else None
    if element.VR not in _TEXT_VRS:
        return element.value
    value = _unicode(element.value)
    if element.keyword in IDENTIFIERS:
        return value
    if element.keyword in _DEFINED and value not in _DEFINED[element.keyword]:
        return None
    if not isinstance(value, str):
        if element.keyword and dictionary_VM(element.tag) != "1":
            return value
        value = " ".join(value)
    length = _LENGTHS.get(element.VR, len(value))
    return value[:length].rstrip() if element.VR in _PROSE or len(value) <= length else None


def _unicode(value: object) -> str | Sequence[str]:
    """Return text without escape sequences; a person name keeps its three groups."""
    if isinstance(value, str | PersonName):
        return _ESCAPE.sub("", str(value)).strip()
    if isinstance(value, Iterable):
        return [_ESCAPE.sub("", str(part)).strip() for part in value]
    return "" if value is None else str(value)
