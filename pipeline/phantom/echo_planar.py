"""What echo-planar imaging does to a picture: coarse acquisition and distortion next to air."""

import numpy as np
import numpy.typing as npt

from pipeline.phantom.canvas import Array

EPI_SHIFT_MM = 5.0
"""Displacement along the phase direction next to a large volume of air at 3 T: assumption, plausible."""


def zero_fill(values: npt.NDArray[np.inexact], matrix: tuple[int, int]) -> npt.NDArray[np.complex64]:
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
