"""The report for an archive that does not take Comprehensive 3D SR: the same content in an older SOP class.

What a report holds (coordinates on images, numbers, codes, texts, references) is allowed in Comprehensive SR and
in Enhanced SR as well (PS3.3 A.35.2, A.35.3).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from dicom_io.results.uids import derive_uid
from dicom_io.saving import save

_SIMPLER: Mapping[str, tuple[UID, str]] = {
    Comprehensive3DSRStorage: (ComprehensiveSRStorage, "comprehensive"),
    ComprehensiveSRStorage: (EnhancedSRStorage, "enhanced"),
}
"""The next older class, and what its file is called."""


@dataclass(frozen=True)
class SimplerReport:
    """A report in an older SOP class.

    Parameters
    ----------
    path
        Its file, beside that of the report.
    sop_class_uid, sop_instance_uid
        Its own: one UID must not name objects of two classes.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str


def simpler_report(path: Path) -> SimplerReport | None:
    """Write a report in the next older SOP class, under derived UIDs; a repeat gives the same object.

    Parameters
    ----------
    path
        A report as it was written, or one of an older class.

    Returns
    -------
    SimplerReport or None
        None where there is no older class, or the file is no report.

    Raises
    ------
    OSError
        The file cannot be read, or the new one not be written.
    """
    try:
        report = dcmread(path)
    except InvalidDicomError:
        return None
    if report.SOPClassUID not in _SIMPLER:
        return None
    sop_class_uid, name = _SIMPLER[report.SOPClassUID]
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = sop_class_uid
    report.SOPInstanceUID = derive_uid("as", sop_class_uid, report.SOPInstanceUID)
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    # A series of its own: readers take the last instance of a series for all of it.
    report.SeriesInstanceUID = derive_uid("as", sop_class_uid, report.SeriesInstanceUID)
    whole = path.with_name(f"{path.stem}.{name}.dcm")
    part = whole.with_suffix(".part")
    with part.open("wb") as file:
        save(report, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(whole)
    return SimplerReport(whole, sop_class_uid, str(report.SOPInstanceUID))
