"""Voxels of one file on the grid of another, where both are the same voxels: nothing is interpolated."""

from typing import Final

import numpy as np

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.volume import LabelMap

TOLERANCE_VOXELS: Final = 0.05
"""Farthest that the centre of a voxel may lie from that of its counterpart."""


def wrong_grid(what: str) -> UnsuitableStudyError:
    """Return the error of a mask that lies on other voxels than its sequence."""
    return UnsuitableStudyError(
        "CM-GRID",
        f"{what} is not on the voxels of its sequence.",
        remedy="Draw it on that sequence, or resample it there with a program that shows the result.",
        stage="assemble",
    )


def unreadable(what: str, because: str) -> UnsuitableStudyError:
    """Return the error of an image or mask that cannot be used."""
    return UnsuitableStudyError(
        "CM-READ",
        f"{what} cannot be used: {because}.",
        remedy="Export it again; images are DICOM folders, NIfTI or NRRD, masks also DICOM SEG or RTSTRUCT.",
        stage="assemble",
    )


def onto_grid(mask: LabelMap, grid: Grid, *, what: str) -> LabelMap:
    """Move a mask to `grid`, whose voxels it must share: cropped and in any order of the axes, but never between.

    Parameters
    ----------
    mask
        A part of `grid`, perhaps with axes exchanged or reversed, as converters of DICOM write them.
    grid
        Of the sequence.
    what
        The mask, for the message.

    Raises
    ------
    UnsuitableStudyError
        ``CM-GRID``: its voxels are others.
    """
    step = np.linalg.inv(grid.affine) @ mask.grid.affine
    axes = np.round(step[:3, :3])
    last = np.array(mask.grid.shape[::-1]) - 1
    corners = np.array([[a, b, c] for a in (0, last[0]) for b in (0, last[1]) for c in (0, last[2])])
    origin = np.round(step[:3, 3])
    apart = corners @ step[:3, :3].T + step[:3, 3] - (corners @ axes.T + origin)
    if np.abs(apart).max() > TOLERANCE_VOXELS or abs(abs(np.linalg.det(axes)) - 1) > 1e-6:
        raise wrong_grid(what)
    hit = np.argwhere(mask.array)
    there = (hit[:, ::-1] @ axes.T + origin).astype(np.int64)[:, ::-1]
    if len(there) and ((there < 0).any() or (there >= np.array(grid.shape)).any()):
        raise wrong_grid(what)
    array = np.zeros(grid.shape, np.uint8)
    array[tuple(there.T)] = mask.array[tuple(hit.T)]
    return LabelMap(array, grid)
