"""Sampling: slice profile, resolution, coil, noise, quantisation."""

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the package's own idiom

from pipeline.geometry import FloatArray, Grid
from pipeline.phantom.canvas import Array
from pipeline.phantom.coil import Coil
from pipeline.phantom.echo_planar import zero_fill
from pipeline.phantom.protocol import Slab
from pipeline.phantom.signal import rician_magnitude
from pipeline.resampling import to_sitk
from pipeline.volume import Volume

LARGEST_STORED = 32767


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
    values = _interpolate(fine, fine_grid, part, np.asarray(np.linalg.inv(transform), np.float64))
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
