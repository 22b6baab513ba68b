"""RTSTRUCT (PS3.3 A.19): contours of the tumour on the slices of its sequence."""

from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from dicom_io.masks.naming import tumour_numbers
from dicom_io.masks.polygons import fill
from pipeline.geometry import Grid
from pipeline.lattice import wrong_grid
from pipeline.volume import LabelMap

OFF_SLICE: Final = 0.1
"""Farthest that a point may lie from the centre of a slice, in slices."""
PLANAR: Final = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


def structure_set_mask(dataset: Dataset, grid: Grid, what: str) -> LabelMap:
    """Fill the contours of the tumour.

    Parameters
    ----------
    dataset
        The structure set.
    grid
        Of the sequence.
    what
        The mask, for messages.

    Raises
    ------
    UnsuitableStudyError
        ``CM-GRID``: a contour lies between slices or outside. ``CM-SEGMENT``.

    Notes
    -----
    Contours of one region on one slice cut holes into one another, as most programs write them (PS3.3 C.8.8.6.3).
    Slices between two contours stay empty: nothing is interpolated.

    A voxel is inside where its centre is. Of centres on the contour itself those at its left and upper side are,
    so that the area is that of the polygon: contours through the edges of voxels are exact, and a program that
    draws them through the centres of the outermost voxels loses one row and one column of what was drawn there.
    """
    contours = {
        int(item.ReferencedROINumber): list(item.get("ContourSequence", ()))
        for item in dataset.ROIContourSequence
        if item.get("ContourSequence")
    }
    names = {int(item.ROINumber): str(item.get("ROIName", "")) for item in dataset.StructureSetROISequence}
    wanted = tumour_numbers({number: names.get(number, "") for number in contours}, what=what)
    result = np.zeros(grid.shape, np.uint8)
    for number in wanted:
        region = np.zeros(grid.shape, bool)
        for contour in contours[number]:
            if str(contour.ContourGeometricType) not in PLANAR:
                continue  # Points and open lines enclose nothing.
            index = grid.to_index_ijk(np.array(contour.ContourData, dtype=np.float64).reshape(-1, 3))
            k = round(float(index[:, 2].mean()))
            if np.abs(index[:, 2] - k).max() > OFF_SLICE or not 0 <= k < grid.shape[0]:
                raise wrong_grid(what)
            region[k] ^= fill(index[:, :2], grid.shape[1:])
        result |= region
    return LabelMap(result, grid)
