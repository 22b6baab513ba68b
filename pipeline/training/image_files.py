"""Images and masks as NIfTI and NRRD (SimpleITK)."""

from pathlib import Path
from typing import Final

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.lattice import onto_grid, unreadable
from pipeline.resampling import grid_of
from pipeline.volume import LabelMap, Volume

READERS: Final = {".nii": "NiftiImageIO", ".nii.gz": "NiftiImageIO", ".nrrd": "NrrdImageIO"}


def read_volume(path: Path, *, what: str) -> Volume:
    """Read an image of one moment.

    Parameters
    ----------
    path
        NIfTI or NRRD.
    what
        The image, for the message; no path, which may bear a patient's name.

    Raises
    ------
    UnsuitableStudyError
        ``CM-READ``: it is no image of three dimensions, or holds values that are not finite.
    """
    image = _read(path, what)
    try:
        return Volume(sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkFloat32)), grid_of(image))
    except (ValueError, RuntimeError) as error:
        raise unreadable(what, "it is no image of three dimensions with finite values") from error


def read_mask(path: Path, grid: Grid, *, what: str) -> LabelMap:
    """Read a mask that was drawn on `grid`.

    Parameters
    ----------
    path
        NIfTI or NRRD, from 3D Slicer for example; may cover a part of the sequence.
    grid
        Of the sequence, as acquired.
    what
        The mask, for messages.

    Returns
    -------
    LabelMap
        1 inside, on `grid`.

    Raises
    ------
    UnsuitableStudyError
        ``CM-READ``; ``CM-GRID``: it lies on other voxels; ``CM-SEGMENT``: it holds several labels.
    """
    image = _read(path, what)
    labels = np.asarray(sitk.GetArrayFromImage(image))
    present = np.unique(labels[labels != 0])
    if len(present) > 1:
        raise UnsuitableStudyError(
            "CM-SEGMENT",
            f"{what} holds {len(present)} labels, and a file of this kind does not say which is the tumour.",
            remedy="Leave the tumour alone in the file, or export it as DICOM SEG.",
            stage="assemble",
        )
    return onto_grid(LabelMap((labels != 0).astype(np.uint8), grid_of(image)), grid, what=what)


def read_labels(path: Path, grid: Grid, *, what: str) -> LabelMap:
    """Read a label map on the voxels of `grid`, with its labels as they are.

    Parameters
    ----------
    path, grid, what
        As of `read_mask`.

    Raises
    ------
    UnsuitableStudyError
        ``CM-READ``, ``CM-GRID``; ``CM-SEGMENT``: it holds another value than 0, 1 liver and 2 tumour.
    """
    image = _read(path, what)
    if not np.isin(sitk.GetArrayViewFromImage(image), (0, 1, 2)).all():
        raise UnsuitableStudyError(
            "CM-SEGMENT",
            f"{what} holds other values than 0, 1 (liver) and 2 (tumour).",
            remedy="Give the liver 1, the tumour 2, and everything else 0.",
            stage="assemble",
        )
    image = sitk.Cast(image, sitk.sitkUInt8)
    return onto_grid(LabelMap(sitk.GetArrayFromImage(image), grid_of(image)), grid, what=what)


def _read(path: Path, what: str) -> sitk.Image:
    # Named: ITK would give a DICOM file to GDCM (CVE-2026-3650), whatever its name.
    reader = next((reader for end, reader in READERS.items() if path.name.lower().endswith(end)), None)
    if reader is None:
        raise unreadable(what, f"its name ends on none of {', '.join(READERS)}")
    try:
        image = sitk.ReadImage(str(path), imageIO=reader)
    except RuntimeError as error:
        raise unreadable(what, "the file cannot be read") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise unreadable(what, "it has not three dimensions and one value a voxel")
    return image
