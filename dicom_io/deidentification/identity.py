"""Who is told of in a data set: words that must not stay, and texts that must not be found in what leaves."""

import re
from collections.abc import Iterator
from contextlib import suppress

from pydicom import DataElement, Dataset
from pydicom.datadict import tag_for_keyword

from dicom_io.deidentification.descriptions import words_of

_TELLING = frozenset(
    tag_for_keyword(keyword) or 0
    for keyword in (
        "PatientID", "OtherPatientIDs", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers",
        "PatientMotherBirthName", "PatientBirthName", "MilitaryRank", "CountryOfResidence", "RegionOfResidence",
        "AccessionNumber", "StudyID", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
        "StationName", "DeviceSerialNumber", "AdmissionID", "RequestedProcedureID", "ScheduledProcedureStepID",
        "PerformedProcedureStepID", "PatientComments", "AdditionalPatientHistory", "IssuerOfPatientID",
    )
)  # fmt: skip
_SHORTEST = 4
"""Letters or digits: what is shorter is in every file by chance."""
_ENCODINGS = ("utf-8", "latin-1", "gb18030", "shift_jis", "euc_kr")
_OF_THE_STANDARD = "1.2.840.10008."


def person_words(ds: Dataset) -> frozenset[str]:
    """Return the words of all names of people in a data set, lower case."""
    return frozenset(
        word for element in _elements(ds) if element.VR == "PN" for word in words_of(str(element.value))
    )


def telling_texts(ds: Dataset) -> frozenset[str]:
    """Return the texts of a data set that point to the patient, the order or the hospital."""
    found: set[str] = set()
    for element in _elements(ds):
        text = str(element.value or "")
        if element.VR == "PN":
            found |= {text, *re.split(r"[\^=\s]+", text)}
        elif element.tag in _TELLING:
            found |= {text, *(line.strip() for line in re.split(r"[\r\n\\]+", text))}
    return frozenset(text for text in found if len(text) >= _SHORTEST)


def own_uids(ds: Dataset) -> frozenset[str]:
    """Return the UIDs of a data set that the standard does not define."""
    found: set[str] = set()
    for element in _elements(ds):
        if element.VR == "UI":
            values = [element.value] if isinstance(element.value, str) else list(element.value or ())
            found |= {str(value) for value in values if value and not str(value).startswith(_OF_THE_STANDARD)}
    return frozenset(found)


def leaks(content: bytes, texts: frozenset[str]) -> bool:
    """Tell whether any of `texts` is in `content`, as a whole word, in any encoding that headers have."""
    needles: set[bytes] = set()
    for text in texts:
        for encoding in ("utf-8",) if text.isascii() else _ENCODINGS:
            with suppress(UnicodeEncodeError):
                needles.add(re.escape(text.encode(encoding)))
    if not needles:
        return False
    words = b"|".join(needles)
    return re.search(rb"(?<![0-9A-Za-z.])(?:" + words + rb")(?![0-9A-Za-z.])", content) is not None


def _elements(ds: Dataset) -> Iterator[DataElement]:
    for tag in list(ds.keys()):
        with suppress(ValueError, TypeError, KeyError, NotImplementedError):
            element = ds[tag]
            yield element
            if element.VR == "SQ":
                for item in element.value:
                    yield from _elements(item)
