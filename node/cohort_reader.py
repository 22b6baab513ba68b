"""A folder of DICOM files to the study of one patient, for the offline training."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.series_rules import SeriesRules
    from pipeline.study import Study


def read_study(folder: Path, rules: "SeriesRules") -> "Study":
    """Match and assemble the one study of a folder; importable by worker processes.

    Parameters
    ----------
    folder
        Its DICOM files.
    rules
        Of series matching, those that the node analyses by.

    Raises
    ------
    NoDicomError
        The folder holds none.
    UnsuitableStudyError
        The study was refused, by its headers or by its pixels, or the folder holds several.
    """
    from dicom_io.assembly import assemble, inspect_files, match_studies, scan_folder  # noqa: PLC0415 - `--help` needs no array
    from pipeline.errors import UnsuitableStudyError  # noqa: PLC0415

    matches = match_studies(scan_folder(folder), rules)
    if len(matches) != 1:
        raise UnsuitableStudyError(
            "SM-STUDIES",
            f"The folder of the case holds {len(matches)} studies.",
            remedy="Give each examination a folder of its own.",
            stage="assemble",
        )
    return assemble(inspect_files(matches[0], rules), clinical={})
