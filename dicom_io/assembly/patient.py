"""Whose study a file belongs to, for the join with laboratory values. Never logged, never in a message."""

from pathlib import Path

from pydicom import dcmread


def read_patient_id(path: Path) -> str:
    """Return Patient ID (0010,0020) of a readable file; empty where it is absent."""
    ds = dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
    return str(ds.get("PatientID") or "").strip()
