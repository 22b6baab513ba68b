"""Whose study a file belongs to: for the join with laboratory values, and for the audit. Never logged."""

from pathlib import Path
from typing import NamedTuple

from dicom_io.reading import read_file


class PatientKey(NamedTuple):
    """Patient ID (0010,0020) and who issued it; both empty where absent."""

    patient_id: str
    issuer: str


def read_patient(path: Path) -> PatientKey:
    """Return whose a readable file is.

    The issuer is (0010,0021), or else the Universal Entity ID (0040,0032) beside it (PS3.3 C.7.1.1, 10.14).
    """
    tags = ["PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence"]
    with path.open("rb") as file:
        ds = read_file(file, tags=tags, stop_before_pixels=True)
    issuer = str(ds.get("IssuerOfPatientID") or "").strip()
    qualifiers = ds.get("IssuerOfPatientIDQualifiersSequence")
    if not issuer and qualifiers:
        issuer = str(qualifiers[0].get("UniversalEntityID") or "").strip()
    return PatientKey(str(ds.get("PatientID") or "").strip(), issuer)
