"""The margin around lesions, inside the liver."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.geometry import Grid

UInt8Array = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def margin_around(tumour: Mask, liver: Mask, grid: Grid, margin_mm: float) -> Mask:
    """Draw the margin of a tumour that is taken as it was outlined; (k, j, i).

    Parameters
    ----------
    tumour, liver
        (k, j, i); the margin stays inside the liver and outside the tumour.
    grid
        Of both.
    margin_mm
        As `LesionSettings.margin_mm`.
    """
    margin: Mask = margins_of(tumour.astype(np.uint8), liver, grid, margin_mm) > 0
    return margin


def margins_of(lesions: UInt8Array, bounds: Mask, grid: Grid, margin_mm: float) -> UInt8Array:
    """Give each voxel near a lesion, outside all, the number of the nearest, by voxel centres.

    Parameters
    ----------
    lesions
        (k, j, i), n inside lesion n.
    bounds
        (k, j, i); a margin stays inside.
    grid
        Of both.
    margin_mm
        As `LesionSettings.margin_mm`.
    """
    margins = np.zeros_like(lesions)
    if not lesions.any():
        return margins
    spacing_kji = grid.spacing_xyz_mm[::-1]
    reach = np.ceil(margin_mm / spacing_kji).astype(int)
    hit = np.argwhere(lesions)
    low = np.maximum(hit.min(axis=0) - reach, 0)
    high = np.minimum(hit.max(axis=0) + reach + 1, lesions.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    near = lesions[box]
    distance_mm, nearest = ndimage.distance_transform_edt(
        near == 0, sampling=spacing_kji.tolist(), return_indices=True
    )
    inside = (near == 0) & (distance_mm <= margin_mm) & bounds[box]
    margins[box] = np.where(inside, near[tuple(nearest)], 0)
    return margins
