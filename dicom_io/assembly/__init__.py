"""Files to a Study: headers, sub-volumes, clock, evidence, matching, volumes."""

from dicom_io.assembly.match_result import Evidence, MatchResult, RejectedSubVolume, RoleMatch, SourceInstance
from dicom_io.assembly.matching import match_studies, role_status
from dicom_io.assembly.overrides import Override
from dicom_io.assembly.pixel_sanity import inspect, inspect_files
from dicom_io.assembly.progress import StudyProgress, study_progress
from dicom_io.assembly.scan_result import ScanResult, UnreadableFile
from dicom_io.assembly.scanning import NoDicomError, scan_files, scan_folder
from dicom_io.assembly.volumes import assemble

__all__ = [
    "Evidence",
    "MatchResult",
    "NoDicomError",
    "Override",
    "RejectedSubVolume",
    "RoleMatch",
    "ScanResult",
    "SourceInstance",
    "StudyProgress",
    "UnreadableFile",
    "assemble",
    "inspect",
    "inspect_files",
    "match_studies",
    "role_status",
    "scan_files",
    "scan_folder",
    "study_progress",
]
