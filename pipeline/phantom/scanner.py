"""Sampling: slice profile, resolution, coil, distortion, noise, quantisation."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.canvas import Array
from pipeline.phantom.protocol import Slab
from pipeline.phantom.signal import rician_magnitude
from pipeline.resampling import to_sitk
from pipeline.volume import Volume

LARGEST_STORED = 32767
EPI_SHIFT_MM = 5.0
"""Displacement along the phase direction next to a large volume of air at 3 T: assumption, plausible."""


@dataclass(frozen=True)
class Coil:
    """Smooth receive sensitivity left after the scanner's normalisation, bound to space.

    Parameters
    ----------
    depth
        Relative loss from the surface to the centre of the body.
    tilt_per_m
        Relative slope along x, y, z, 1/m.
    """

    depth: float
    tilt_per_m: tuple[float, float, float]

    def sensitivity(self, grid: Grid) -> Array:
        """Return the sensitivity on `grid`, about 1, (k, j, i)."""
        affine = grid.affine.astype(np.float32)
        k, j, i = (np.arange(n, dtype=np.float32) for n in grid.shape)
        x, y, z = (
            affine[r, 0] * i[None, None, :]
            + affine[r, 1] * j[None, :, None]
            + affine[r, 2] * k[:, None, None]
            + affine[r, 3]
            for r in range(3)
        )
        tilt = np.asarray(self.tilt_per_m, np.float32) * np.float32(1e-3)
        near = np.clip((x / 165) ** 2 + (y / 115) ** 2, 0, 1.3)
        return np.clip(1 + self.depth * (near - 0.5) + tilt[0] * x + tilt[1] * y + tilt[2] * z, 0.3, 2).astype(
            np.float32
        )


def draw_coil(rng: np.random.Generator) -> Coil:
    """Draw a sensitivity."""
    tilt = rng.uniform(-0.5, 0.5, 3)
    return Coil(float(rng.uniform(0.1, 0.35)), (float(tilt[0]), float(tilt[1]), float(tilt[2])))


def sample(fine: Array, fine_grid: Grid, grid: Grid, slab: Slab, transform: FloatArray) -> Array:
    """Integrate a map of the anatomy over the voxels of a sequence.

    Parameters
    ----------
    fine
        Map in the position of the hepatobiliary phase, (k, j, i).
    grid
        In-plane lattice as acquired and slices of the sequence.
    slab
        Gives the number of points along the slice profile (a box).
    transform
        4 x 4; maps a point of the hepatobiliary phase to the same tissue in the sequence.

    Returns
    -------
    Array
        On `grid`, (k, j, i) float32; 0 outside the anatomy.
    """
    n = slab.oversampling
    thickness = grid.spacing_xyz_mm[2]
    spacing = grid.spacing_xyz_mm / [1, 1, n]
    origin = grid.origin_lps_mm - grid.direction[:, 2] * thickness * (n - 1) / (2 * n)
    dense = Grid((grid.shape[0] * n, grid.shape[1], grid.shape[2]), spacing, origin, grid.direction)
    first, last = _window(fine_grid, dense, transform)
    size = last - first
    result = np.zeros(grid.shape, np.float32)
    part = Grid(
        (dense.shape[0], int(size[1]), int(size[0])),
        spacing,
        dense.to_lps_mm([first[0], first[1], 0]),
        grid.direction,
    )
    values = _interpolate(fine, fine_grid, part, np.linalg.inv(transform))
    profile = values.reshape(grid.shape[0], n, int(size[1]), int(size[0])).mean(axis=1)
    result[:, first[1] : last[1], first[0] : last[0]] = profile
    return result


def acquire(
    clean: Array, grid: Grid, coil: Coil, *, gain: float, sigma: float, rng: np.random.Generator
) -> Volume:
    """Weight by the coil, add noise and store whole numbers, as a scanner does.

    Parameters
    ----------
    clean
        Signal on the acquired in-plane lattice, (k, j, i); `grid` may have a finer one (zero filling).
    sigma
        Of the noise, per channel, in units of `clean`.
    """
    if clean.shape == grid.shape:
        magnitude = rician_magnitude(clean * coil.sensitivity(grid), sigma, rng)
    else:
        noise = rng.standard_normal((2, *clean.shape), dtype=np.float32) * np.float32(sigma)
        filled = zero_fill(clean + noise[0] + 1j * noise[1], grid.shape[1:])
        magnitude = np.abs(filled) * coil.sensitivity(grid)
    stored = np.clip(np.rint(magnitude * np.float32(gain)), 0, LARGEST_STORED)
    return Volume(stored.astype(np.float32), grid)


def zero_fill(values: np.ndarray, matrix: tuple[int, int]) -> np.ndarray:
    """Interpolate slices to a larger matrix by padding k-space, (k, j, i) complex64.

    The lattice keeps its edges: a shift of half a new pixel less half an old one is applied in k-space.
    """
    old = values.shape[1:]
    space = np.fft.fft2(values.astype(np.complex64), axes=(1, 2))
    for axis, (n, m) in enumerate(zip(old, matrix, strict=True), start=1):
        frequency = np.fft.fftfreq(n)
        shift = (1 - n / m) / 2  # New pixel 0 lies this many old pixels before old pixel 0.
        ramp = np.exp(-2j * np.pi * frequency * shift).astype(np.complex64)
        ramp[n // 2] = ramp[n // 2].real
        space *= ramp.reshape([-1 if a == axis else 1 for a in range(3)])
    padded = np.zeros((values.shape[0], *matrix), np.complex64)
    rows, columns = old[0] // 2, old[1] // 2
    for a in (slice(None, rows), slice(-rows, None)):
        for b in (slice(None, columns), slice(-columns, None)):
            padded[:, a, b] = space[:, a, b]
    return np.asarray(
        np.fft.ifft2(padded, axes=(1, 2)) * (matrix[0] * matrix[1] / (old[0] * old[1])), np.complex64
    )


def distort(clean: Array, air: Array, spacing_mm: float) -> Array:
    """Shift signal along the phase direction (rows) near air and pile it up, as in EPI.

    Parameters
    ----------
    air
        Share of air around each voxel, smooth, 0 to 1, (k, j, i).
    """
    shift = air * np.float32(EPI_SHIFT_MM / spacing_mm)
    rows = np.arange(clean.shape[1], dtype=np.float32)[None, :, None]
    source = np.clip(rows - shift, 0, clean.shape[1] - 1.001)
    below = source.astype(np.int32)
    weight = source - below
    moved = (1 - weight) * np.take_along_axis(clean, below, 1) + weight * np.take_along_axis(clean, below + 1, 1)
    density = np.clip(np.gradient(source, axis=1), 0.3, 2.0)
    return np.asarray(moved * density, np.float32)


def _window(fine_grid: Grid, dense: Grid, transform: FloatArray) -> tuple[np.ndarray, np.ndarray]:
    """Return first and last in-plane index (i, j) that the anatomy can reach."""
    size = np.array(fine_grid.shape[::-1]) - 1
    corners = np.array([[a, b, c] for a in (0, size[0]) for b in (0, size[1]) for c in (0, size[2])])
    points = fine_grid.to_lps_mm(corners) @ transform[:3, :3].T + transform[:3, 3]
    index = dense.to_index_ijk(points)[:, :2]
    limit = np.array([dense.shape[2], dense.shape[1]])
    first = np.clip(np.floor(index.min(0)), 0, limit - 1).astype(int)
    last = np.clip(np.ceil(index.max(0)) + 1, first + 1, limit).astype(int)
    return first, last


def _interpolate(values: Array, source: Grid, target: Grid, to_source: FloatArray) -> Array:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(to_source[:3, :3].ravel().tolist())
    transform.SetTranslation(to_source[:3, 3].tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(target.shape[::-1])
    resampler.SetOutputSpacing(target.spacing_xyz_mm.tolist())
    resampler.SetOutputOrigin(target.origin_lps_mm.tolist())
    resampler.SetOutputDirection(target.direction.ravel().tolist())
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkLinear)
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(to_sitk(values, source))), np.float32)
