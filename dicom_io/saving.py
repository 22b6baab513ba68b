"""Write a data set to a file, with errors that say what the disk said."""

from pathlib import Path
from typing import IO

from pydicom.dataset import Dataset


def save(ds: Dataset, target: Path | IO[bytes]) -> None:
    """Write a Part 10 file.

    Raises
    ------
    OSError
        The file cannot be written; with the number of the operating system.
    """
    try:
        ds.save_as(target, enforce_file_format=True)
    except OSError as error:
        number, words = _said(error)
        raise OSError(number, words) from error


def _said(error: OSError) -> tuple[int | None, str]:
    """Return number and words of the operating system: pydicom names the element in a new error, without them."""
    cause = error.__cause__
    if error.errno is None and isinstance(cause, OSError):
        return _said(cause)
    return error.errno, error.strerror or str(error)
