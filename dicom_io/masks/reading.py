"""Which kind of outline a DICOM file holds, and in which frame of reference."""

from collections.abc import Callable
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from dicom_io.masks.segmentation import segmentation_mask
from dicom_io.masks.structure_set import structure_set_mask
from dicom_io.reading import OversizedFileError, read_file
from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.lattice import unreadable
from pipeline.volume import LabelMap

LABEL_MAP_SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
PREAMBLE_BYTES = 128


def is_dicom(path: Path) -> bool:
    """Tell whether a file has the prefix of PS3.10 7.1."""
    with path.open("rb") as file:
        return file.read(PREAMBLE_BYTES + 4)[PREAMBLE_BYTES:] == b"DICM"


def frame_of_reference(path: Path) -> str:
    """Return the Frame of Reference UID of an image; empty where it has none."""
    with path.open("rb") as file:
        return str(read_file(file, tags=["FrameOfReferenceUID"]).get("FrameOfReferenceUID", ""))


def read_dicom_mask(path: Path, grid: Grid, *, what: str, frame_of_reference_uid: str = "") -> LabelMap:
    """Read the tumour of a SEG or RTSTRUCT file.

    Parameters
    ----------
    path
        Part 10 file.
    grid
        Of the sequence that it was drawn on, as acquired.
    what
        The mask, for messages; no path, which may bear a patient's name.
    frame_of_reference_uid
        Of that sequence; empty where unknown.

    Returns
    -------
    LabelMap
        1 inside the tumour, on `grid`.

    Raises
    ------
    UnsuitableStudyError
        ``CM-READ``: it is no outline, or damaged. ``CM-GRID``: it lies on other voxels, or in another frame of
        reference. ``CM-SEGMENT``: several regions, and none or several of them are called tumour.
    """
    try:
        with path.open("rb") as file:
            dataset = read_file(file)
        read = _reader(dataset)
        if read is None:
            raise unreadable(what, "it is neither a SEG nor an RTSTRUCT")
        theirs = _frame_of_reference(dataset)
        if theirs and frame_of_reference_uid and theirs != frame_of_reference_uid:
            raise UnsuitableStudyError(
                "CM-GRID",
                f"{what} is in another frame of reference than its sequence.",
                remedy="Name the mask that was drawn on this examination.",
                stage="assemble",
            )
        return read(dataset, grid, what)
    except (InvalidDicomError, OversizedFileError, OSError) as error:
        raise unreadable(what, "the file cannot be read") from error
    except (AttributeError, KeyError, IndexError, ValueError, TypeError, RuntimeError) as error:
        raise unreadable(what, "it is damaged or not complete") from error


def _reader(dataset: FileDataset) -> Callable[[Dataset, Grid, str], LabelMap] | None:
    kind = str(dataset.get("SOPClassUID", ""))
    if kind in (SegmentationStorage, LABEL_MAP_SEGMENTATION_STORAGE):
        return segmentation_mask
    return structure_set_mask if kind == RTStructureSetStorage else None


def _frame_of_reference(dataset: Dataset) -> str:
    own = str(dataset.get("FrameOfReferenceUID", ""))
    if own:
        return own
    referenced = {
        str(item.get("FrameOfReferenceUID", "")) for item in dataset.get("ReferencedFrameOfReferenceSequence", ())
    }
    return referenced.pop() if len(referenced) == 1 else ""
