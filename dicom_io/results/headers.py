"""Hospital headers, normalised in a copy so that ordinary faults of them do not end a result.

Ordinary means: Type 2 elements left out, character sets with ISO 2022 code extensions, impossible dates, numbers
that are none, texts that are too long, a sex that is none of the defined terms. The source files stay as they are.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path

from pydicom.dataset import Dataset

from dicom_io.reading import read_file
from dicom_io.results.normalising import complete, normalised
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
            element = normalised(source[keyword]) if keyword in source else None
            if element is not None and not element.is_empty:
                target.add(element)
            elif keyword in REQUIRED_EMPTY:
                setattr(target, keyword, "")
        complete(target)
