"""Smooth random fields that tile space."""

import numpy as np

from pipeline.phantom.canvas import Array

TILE = 64
"""Voxels along each edge of the periodic field."""


def periodic_field(
    rng: np.random.Generator, spacing_xyz_mm: tuple[float, float, float], length_mm: float
) -> Array:
    """Return a periodic Gaussian random field of zero mean and unit variance, (64, 64, 64).

    Parameters
    ----------
    rng
        Draws the white noise.
    spacing_xyz_mm
        Of the lattice on which the field will lie.
    length_mm
        Standard deviation of the Gaussian that smooths it, mm.
    """
    spectrum = np.fft.rfftn(rng.standard_normal((TILE, TILE, TILE), dtype=np.float32))
    frequency = [np.fft.fftfreq(TILE, d=spacing_xyz_mm[2]), np.fft.fftfreq(TILE, d=spacing_xyz_mm[1])]
    last = np.fft.rfftfreq(TILE, d=spacing_xyz_mm[0])
    for axis, values in enumerate((*frequency, last)):
        shape = [1, 1, 1]
        shape[axis] = len(values)
        spectrum *= np.exp(-2 * (np.pi * length_mm * values) ** 2).reshape(shape)
    spectrum[0, 0, 0] = 0
    field = np.fft.irfftn(spectrum, s=(TILE, TILE, TILE), axes=(0, 1, 2))
    return np.asarray(field / field.std(), np.float32)


def tiled(field: Array, shape: tuple[int, ...], *, offset: tuple[int, int, int] = (0, 0, 0)) -> Array:
    """Repeat a periodic field over a lattice of `shape`, starting at `offset`."""
    index = [(np.arange(n) + o) % TILE for n, o in zip(shape, offset, strict=True)]
    return field[np.ix_(*index)]
