"""Whose study a file belongs to, for the join with laboratory values. Never logged, never in a message."""

from pathlib import Path
from typing import NamedTuple

from pydicom import dcmread


class PatientKey(NamedTuple):
    """Patient ID (0010,0020) and who issued it; both empty where absent."""

    patient_id: str
    issuer: str


def read_patient(path: Path) -> PatientKey:
    """Return whose a readable file is.

    The issuer is (0010,0021), or else the Universal Entity ID (0040,0032) beside it (PS3.3 C.7.1.1, 10.14).
    """
    tags = ["PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence"]
    ds = dcmread(path, stop_before_pixels=True, specific_tags=tags)
    issuer = str(ds.get("IssuerOfPatientID") or "").strip()
    qualifiers = ds.get("IssuerOfPatientIDQualifiersSequence")
    if not issuer and qualifiers:
        issuer = str(qualifiers[0].get("UniversalEntityID") or "").strip()
    return PatientKey(str(ds.get("PatientID") or "").strip(), issuer)
