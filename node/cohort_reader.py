"""A folder of DICOM files to the study of one patient, for the offline training."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.study import Study


def read_study(folder: Path) -> "Study":
    """Match and assemble the one study of a folder; importable by worker processes.

    Raises
    ------
    NoDicomError
        The folder holds none.
    UnsuitableStudyError
        The study was refused, or the folder holds several.
    """
    from config.series_rules import load_series_rules  # noqa: PLC0415 - `--help` needs no array
    from dicom_io.assembly import assemble, match_studies, scan_folder  # noqa: PLC0415
    from pipeline.errors import UnsuitableStudyError  # noqa: PLC0415

    matches = match_studies(scan_folder(folder), load_series_rules())
    if len(matches) != 1:
        raise UnsuitableStudyError(
            "SM-STUDIES",
            f"The folder of the case holds {len(matches)} studies.",
            remedy="Give each examination a folder of its own.",
            stage="assemble",
        )
    return assemble(matches[0], clinical={})
