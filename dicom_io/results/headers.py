"""Hospital headers, normalised in a copy so that ordinary faults of them do not end a result.

Ordinary means: Type 2 elements left out, character sets with ISO 2022 code extensions, impossible dates, a sex
that is none of the defined terms. The source files are never changed.
"""

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from dicom_io.reading import read_file
from pipeline.errors import UnsuitableStudyError

UNICODE = "ISO_IR 192"

REQUIRED_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
)
"""Type 2 elements of the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): may be empty, not absent."""

OPTIONAL = (
    "IssuerOfPatientID",
    "OtherPatientIDsSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "IssuerOfAccessionNumberSequence",
    "StudyDescription",
    "ProcedureCodeSequence",
    "ReferencedStudySequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "TimezoneOffsetFromUTC",
)
"""What else of patient and study a result repeats, so that the study stays consistent in an archive."""

# An escape sequence of ISO 2022, since pydicom leaves that of ISO 2022 IR 58 (GB2312) in the text; and the control
# characters that no text may hold (PS3.5 6.1.3), but a terminal would obey.
_ESCAPE = re.compile(r"\x1b[\x20-\x2f]+[\x30-\x7e]|[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_TEXT_VRS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_VALID = {
    "DA": re.compile(r"(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "TM": re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "AS": re.compile(r"\d{3}[DWMY]"),
}
_SEXES = frozenset({"M", "F", "O"})


def read_header(path: Path, keywords: Iterable[str]) -> Dataset:
    """Read some elements of one instance, without its pixels.

    Parameters
    ----------
    path
        A DICOM file.
    keywords
        The elements wanted beside patient and study; others, private ones among them, are not parsed.

    Returns
    -------
    Dataset
        Values decoded with the character set of the file; absent elements stay absent.

    Raises
    ------
    UnsuitableStudyError
        The file is gone or is not DICOM (``RES-SOURCE``).
    """
    wanted = ["SpecificCharacterSet", *REQUIRED_EMPTY, *OPTIONAL, *keywords]
    try:
        # pydicom warns of each irregular value, with the value: it is normalised here, and names stay out of logs.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file:
                ds = read_file(file, tags=wanted, stop_before_pixels=True)
            # Convert every value now, while the warnings are caught.
            for _ in ds.iterall():
                pass
    except Exception as error:
        # The parser meets arbitrary bytes, nested as deep as somebody liked, and raises whatever they provoke.
        raise UnsuitableStudyError(
            "RES-SOURCE",
            "A source image could not be read again when the result was written.",
            remedy="Send the study again.",
            stage="report",
        ) from error
    return ds


def copy_patient_and_study(source: Dataset, target: Dataset) -> None:
    """Write patient and study of `source` into `target`, normalised and in Unicode.

    Parameters
    ----------
    source
        As read by `read_header`; not changed.
    target
        Its Specific Character Set becomes ``ISO_IR 192``; every Type 2 element is present afterwards.
    """
    target.SpecificCharacterSet = UNICODE
    target.StudyInstanceUID = source.StudyInstanceUID
    # A name of one component or a value too long is the hospital's; it is repeated as it is, and not into a log.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword in (*REQUIRED_EMPTY, *OPTIONAL):
            if keyword in target:
                del target[keyword]
            element = _normalised(source[keyword]) if keyword in source else None
            if element is not None and not element.is_empty:
                target.add(element)
            elif keyword in REQUIRED_EMPTY:
                setattr(target, keyword, "")


def _normalised(element: DataElement) -> DataElement | None:
    """Return a copy in Unicode; None where the value is not valid for its VR."""
    if element.VR == "SQ":
        items = [_normalised_item(item) for item in element.value]
        return DataElement(element.tag, "SQ", [item for item in items if len(item)]) if items else None
    if element.VR in _TEXT_VRS or element.VR in _VALID:
        value = _unicode(element.value)
        pattern = _VALID.get(element.VR)
        if pattern is not None and not pattern.fullmatch(str(value)):
            return None
        if element.keyword == "PatientSex" and value not in _SEXES:
            return None
        return DataElement(element.tag, element.VR, value)
    return DataElement(element.tag, element.VR, element.value)


def _normalised_item(item: Dataset) -> Dataset:
    copy = Dataset()
    for element in item:
        if element.tag.is_private or element.keyword == "SpecificCharacterSet":
            continue
        kept = _normalised(element)
        if kept is not None:
            copy.add(kept)
    return copy


def _unicode(value: object) -> str | list[str]:
    """Return text without escape sequences; a person name keeps its three groups."""
    if isinstance(value, str | PersonName):
        return _ESCAPE.sub("", str(value)).strip()
    if isinstance(value, Iterable):
        return [_ESCAPE.sub("", str(part)).strip() for part in value]
    return "" if value is None else str(value)
