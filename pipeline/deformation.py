"""A smooth deformation: displacements at the control points of a cubic B-spline."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import ndimage

from pipeline.geometry import FloatArray, Grid, read_only

ORDER: Final = 3


@dataclass(frozen=True, eq=False)
class Deformation:
    """Maps a point x of the fixed image to x + u(x); u is zero outside the control points.

    Parameters
    ----------
    grid
        Of the control points, LPS, mm.
    displacement_lps_mm
        (3, k, j, i): coefficients along left, posterior and superior, mm.

    References
    ----------
    .. [1] Rueckert et al., IEEE TMI 18(8), 1999. doi:10.1109/42.796284
    """

    grid: Grid
    displacement_lps_mm: FloatArray

    def __post_init__(self) -> None:
        if self.displacement_lps_mm.shape != (3, *self.grid.shape):
            raise ValueError(f"{self.displacement_lps_mm.shape} displacements on {self.grid.shape} control points")
        object.__setattr__(self, "displacement_lps_mm", read_only(self.displacement_lps_mm))

    def moved(self, points_lps_mm: FloatArray) -> FloatArray:
        """Map points (n, 3)."""
        index = self.grid.to_index_ijk(points_lps_mm)
        last = np.array(self.grid.shape[::-1]) - 1
        # As ITK: a point without all its 4 control points along each axis stays where it is.
        supported = np.all((index >= 1) & (index < last - 1), axis=1)
        moved = np.array(points_lps_mm, dtype=np.float64)
        for axis, part in enumerate(self.displacement_lps_mm):
            along = ndimage.map_coordinates(
                np.asarray(part, np.float64), index.T[::-1], order=ORDER, prefilter=False, mode="nearest"
            )
            moved[:, axis] += np.where(supported, along, 0.0)
        return moved

    def least_expansion(self, grid: Grid, every_mm: float = 8.0) -> float:
        """Return the smallest Jacobian determinant over `grid`; at 0 and below the deformation folds."""
        coarse = grid.with_spacing((every_mm, every_mm, every_mm))
        index = np.indices(coarse.shape).reshape(3, -1)[::-1].T.astype(float)
        points = self.moved(coarse.to_lps_mm(index)).reshape(*coarse.shape, 3)
        # Derivatives along the axes i, j, k of the grid, in the frame of the grid.
        local = points @ coarse.direction
        rows = [
            np.gradient(local, step, axis=axis)
            for axis, step in zip((2, 1, 0), coarse.spacing_xyz_mm, strict=True)
        ]
        return float(np.linalg.det(np.stack(rows, axis=-2)).min())
