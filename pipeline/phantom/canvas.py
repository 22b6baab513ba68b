"""A fine lattice to which implicit shapes are painted, with a smooth random warp of space."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.geometry import Grid
from pipeline.phantom.tissues import Tissue

Array = npt.NDArray[np.float32]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]

SPACING_XYZ_MM = (1.6, 1.6, 2.5)
"""Finer than any acquired voxel (1.6 x 2.0 x 5.0 mm) in each direction that matters."""


@dataclass
class Canvas:
    """Labels under construction.

    Parameters
    ----------
    grid
        Axis-aligned lattice (identity direction).
    x_mm, y_mm, z_mm
        Warped coordinates of each voxel, (k, j, i); shapes are written in them.
    warp_mm
        Largest displacement of the warp, mm; boxes are widened by it.
    labels
        `Tissue` of each voxel, (k, j, i) uint8.
    """

    grid: Grid
    x_mm: Array
    y_mm: Array
    z_mm: Array
    warp_mm: float
    labels: npt.NDArray[np.uint8]

    @property
    def axes_mm(self) -> tuple[Array, Array, Array]:
        """Unwarped coordinates along x, y, z, mm."""
        origin, spacing, size = self.grid.origin_lps_mm, self.grid.spacing_xyz_mm, self.grid.shape[::-1]
        x, y, z = (np.float32(origin[n]) + np.arange(size[n], dtype=np.float32) * spacing[n] for n in range(3))
        return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)

    def box(self, low: Point, high: Point) -> Box:
        """Return the (k, j, i) slices that hold everything between two corners of warped space."""
        slices = []
        for axis, first, last in zip(self.axes_mm, low, high, strict=True):
            begin, end = np.searchsorted(axis, (first - self.warp_mm, last + self.warp_mm))
            slices.append(slice(int(begin), int(end)))
        return slices[2], slices[1], slices[0]

    def paint(self, tissue: Tissue, level: Array, box: Box, *, over: tuple[Tissue, ...] | None = None) -> None:
        """Give `tissue` to the voxels of `box` where `level` is positive (and, if given, only `over` these)."""
        inside = level > 0
        region = self.labels[box]
        if over is not None:
            inside &= np.isin(region, over)
        region[inside] = tissue


def new_canvas(half_xyz_mm: Point, rng: np.random.Generator, *, warp_mm: float) -> Canvas:
    """Make an empty canvas around the origin with a warp made of a few standing waves.

    Parameters
    ----------
    half_xyz_mm
        Half extent, mm.
    rng
        Draws the warp.
    warp_mm
        Largest displacement along each axis, mm.
    """
    spacing = np.array(SPACING_XYZ_MM)
    size = np.ceil(2 * np.array(half_xyz_mm) / spacing).astype(int) + 1
    grid = Grid((size[2], size[1], size[0]), spacing, -(size - 1) * spacing / 2, np.eye(3))
    blank = np.empty(0, np.float32)
    labels = np.full(grid.shape, Tissue.AIR, np.uint8)
    canvas = Canvas(grid, blank, blank, blank, warp_mm, labels)
    x, y, z = canvas.axes_mm
    canvas.x_mm = _waves(x, y, z, rng, warp_mm) + x[None, None, :]
    canvas.y_mm = _waves(x, y, z, rng, warp_mm) + y[None, :, None]
    canvas.z_mm = _waves(x, y, z, rng, warp_mm) + z[:, None, None]
    return canvas


def _waves(x: Array, y: Array, z: Array, rng: np.random.Generator, amplitude_mm: float) -> Array:
    """Sum three separable standing waves of 120 to 300 mm length; bounded by `amplitude_mm`."""
    total = np.zeros((len(z), len(y), len(x)), np.float32)
    for _ in range(3):
        wave_number = 2 * np.pi / rng.uniform(120, 300, 3)
        phase = rng.uniform(0, 2 * np.pi, 3)
        along = [
            np.cos(k * axis + p).astype(np.float32)
            for k, axis, p in zip(wave_number, (x, y, z), phase, strict=True)
        ]
        plane = np.float32(amplitude_mm / 3) * along[1][:, None] * along[0][None, :]
        total += along[2][:, None, None] * plane[None]
    return total
