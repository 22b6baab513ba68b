"""One object that a node sent, reduced to what can be compared with the truth."""

from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset

from dicom_io.acceptance.report_facts import ReportFacts, read_report
from dicom_io.acceptance.segmentation_facts import Overlap, compare_segmentation
from dicom_io.network.identity import read_file_identity
from dicom_io.reading import read_file

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
REPORT = "1.2.840.10008.5.1.4.1.1.88.34"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
KINDS = {SEGMENTATION: "seg", REPORT: "sr", SECONDARY_CAPTURE: "summary"}
"""Words of the configuration key `outputs` by SOP Class UID."""


@dataclass(frozen=True)
class ReceivedObject:
    """What is known of one object.

    Parameters
    ----------
    kind
        ``seg``, ``sr`` or ``summary``; the SOP Class UID of anything else.
    patient_id, software
        As the object says: text from the network, of any content.
    report
        Of an SR that can be read.
    overlap
        Of a SEG that can be read, with the planted tumour.
    fault
        Why it cannot be read; empty where it can.
    """

    kind: str
    sop_instance_uid: str
    study_instance_uid: str
    patient_id: str = ""
    software: tuple[str, ...] = ()
    report: ReportFacts | None = None
    overlap: Overlap | None = None
    fault: str = ""


def read_received(path: Path, label_map: Path) -> ReceivedObject:
    """Read an object that came from a node.

    Parameters
    ----------
    path
        Part 10 file with the four identifiers of an instance, which the receiver has checked.
    label_map
        ``truth/label_map.nii.gz`` of the phantom that it is the result of.

    Returns
    -------
    ReceivedObject
        With a `fault` where the object cannot be read.
    """
    identity = read_file_identity(path).identity
    kind = KINDS.get(identity.sop_class_uid, identity.sop_class_uid)
    found = ReceivedObject(kind, identity.sop_instance_uid, identity.study_instance_uid)
    try:
        with path.open("rb") as file:
            ds = read_file(file, stop_before_pixels=True)
        return replace(
            found,
            patient_id=str(ds.get("PatientID") or ""),
            software=_software(ds),
            report=read_report(ds) if kind == "sr" else None,
            overlap=compare_segmentation(path, label_map) if kind == "seg" else None,
        )
    except Exception as error:  # Libraries meet an object of which only the identifiers were checked.
        return replace(found, fault=f"it cannot be read: {type(error).__name__}")


def _software(ds: Dataset) -> tuple[str, ...]:
    value = ds.get("SoftwareVersions") or ()
    return (value,) if isinstance(value, str) else tuple(str(part) for part in value)
