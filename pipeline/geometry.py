"""Where voxels lie in the patient: regular grids in LPS millimetres."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

FloatArray = npt.NDArray[np.float64]

DIRECTION_TOLERANCE = 1e-4
"""Largest deviation of the direction cosines from orthonormality, per element."""
SMALLEST_COSINE = 1e-12
"""Direction cosines below it are taken as 0."""


def read_only(array: npt.ArrayLike, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[np.float64]:
    """Copy `array` and forbid writing to the copy."""
    copy = np.array(array, dtype=dtype)
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular voxel lattice, in the convention of ITK.

    Array axes are (k, j, i); quantities with the suffix ``_xyz`` are ordered (i, j, k) or (x, y, z).

    Parameters
    ----------
    shape
        Number of voxels along (k, j, i).
    spacing_xyz_mm
        Distance of voxel centres along (i, j, k), mm.
    origin_lps_mm
        Centre of voxel (0, 0, 0), LPS, mm.
    direction
        3 x 3; column n is the LPS direction of index axis n of (i, j, k). Orthonormal, right- or left-handed.

    Raises
    ------
    ValueError
        A spacing is not positive, the direction is not orthonormal, or the shape is empty.
    """

    shape: tuple[int, int, int]
    spacing_xyz_mm: FloatArray
    origin_lps_mm: FloatArray
    direction: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        for name in ("spacing_xyz_mm", "origin_lps_mm", "direction"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        # ITK inverts a direction with denormal elements to nothing, silently; they are rounding, not angles.
        rounded = np.where(np.abs(self.direction) < SMALLEST_COSINE, 0.0, self.direction)
        object.__setattr__(self, "direction", read_only(rounded))
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape must be three positive numbers, got {self.shape}")
        if self.spacing_xyz_mm.shape != (3,) or not (self.spacing_xyz_mm > 0).all():
            raise ValueError(f"spacing must be three positive numbers, got {self.spacing_xyz_mm}")
        if self.origin_lps_mm.shape != (3,):
            raise ValueError(f"origin must be three numbers, got {self.origin_lps_mm}")
        if self.direction.shape != (3, 3):
            raise ValueError(f"direction must be 3 x 3, got {self.direction.shape}")
        residual = np.abs(self.direction.T @ self.direction - np.eye(3)).max()
        if not residual <= DIRECTION_TOLERANCE:
            raise ValueError(f"direction is not orthonormal (residual {residual:.2e})")

    def __reduce__(self) -> tuple[object, ...]:
        # Rebuilt through the constructor, so that a copy in another process is read-only as well.
        return (Grid, (self.shape, self.spacing_xyz_mm, self.origin_lps_mm, self.direction))

    @property
    def affine(self) -> FloatArray:
        """4 x 4 matrix from voxel index (i, j, k, 1) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * self.spacing_xyz_mm
        matrix[:3, 3] = self.origin_lps_mm
        return matrix

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, mm3."""
        return float(np.prod(self.spacing_xyz_mm))

    @property
    def extent_mm(self) -> FloatArray:
        """Length along (i, j, k) from edge to edge, mm."""
        return np.array(self.shape[::-1]) * self.spacing_xyz_mm

    @property
    def centre_lps_mm(self) -> FloatArray:
        """Geometric centre of the lattice, LPS, mm."""
        return self.to_lps_mm((np.array(self.shape[::-1]) - 1) / 2)

    def to_lps_mm(self, index_ijk: npt.ArrayLike) -> FloatArray:
        """Map indices (..., 3) in the order (i, j, k) to LPS mm."""
        index = np.asarray(index_ijk, dtype=np.float64)
        result: FloatArray = index @ self.affine[:3, :3].T + self.origin_lps_mm
        return result

    def to_index_ijk(self, point_lps_mm: npt.ArrayLike) -> FloatArray:
        """Map LPS points (..., 3), mm, to continuous indices in the order (i, j, k)."""
        point = np.asarray(point_lps_mm, dtype=np.float64) - self.origin_lps_mm
        result: FloatArray = point @ np.linalg.inv(self.affine[:3, :3]).T
        return result

    def with_spacing(self, spacing_xyz_mm: npt.ArrayLike) -> Self:
        """Cover the same extent, edge to edge, with another spacing (rounded up to whole voxels)."""
        spacing = np.asarray(spacing_xyz_mm, dtype=np.float64)
        # The small tolerance keeps 220 mm / 2.5 mm at 88 voxels whatever the rounding of the quotient.
        size = np.ceil(self.extent_mm / spacing - 1e-6).astype(int)
        first_edge_ijk = np.full(3, -0.5)
        origin = self.to_lps_mm(first_edge_ijk) + self.direction @ (spacing / 2)
        return type(self)((int(size[2]), int(size[1]), int(size[0])), spacing, origin, self.direction)

    def canonical(self) -> Self:
        """Return the same voxels with i, j, k running nearest to left, posterior and superior.

        A network knows the orientation it was trained in; an acquisition may be prone, upside down or flipped.
        """
        cosines = self.direction.T
        _, axes = linear_sum_assignment(-np.abs(cosines.T))
        signs = np.array([1.0 if cosines[axis, side] >= 0 else -1.0 for side, axis in enumerate(axes)])
        size_ijk = np.array(self.shape[::-1])
        corner_ijk = np.zeros(3)
        for axis, sign in zip(axes, signs, strict=True):
            corner_ijk[axis] = 0.0 if sign > 0 else size_ijk[axis] - 1.0
        i, j, k = (int(size_ijk[axis]) for axis in axes)
        return type(self)(
            (k, j, i), self.spacing_xyz_mm[axes], self.to_lps_mm(corner_ijk), self.direction[:, axes] * signs
        )

    def is_close(self, other: "Grid", *, tolerance_mm: float = 1e-3) -> bool:
        """Tell whether both lattices have the same shape and every corner within `tolerance_mm`."""
        if self.shape != other.shape:
            return False
        last = np.array(self.shape[::-1]) - 1
        corners = np.array([[a, b, c] for a in (0, last[0]) for b in (0, last[1]) for c in (0, last[2])])
        return bool(np.abs(self.to_lps_mm(corners) - other.to_lps_mm(corners)).max() <= tolerance_mm)
