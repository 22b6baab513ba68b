"""From masks to lines: the slice that shows a lesion best, and its outline there."""

import numpy as np
import numpy.typing as npt
from contourpy import contour_generator

from pipeline.geometry import FloatArray

Mask = npt.NDArray[np.bool_]


def largest_slice(mask: Mask) -> int:
    """Return k of the slice with the most voxels of `mask`, (k, j, i); the lowest where several are alike."""
    return int(mask.sum(axis=(1, 2)).argmax())


def outline(mask: Mask) -> FloatArray:
    """Trace the longest border of a mask in one slice.

    Parameters
    ----------
    mask
        (j, i), not empty; where it has several parts, the largest is traced.

    Returns
    -------
    numpy.ndarray
        (n, 2) float64, closed, (column, row) of PS3.3 C.18.6.1.2: the centre of the first pixel is (0.5, 0.5).
    """
    # A border of zeros closes the lines of a mask that touches the edge of the image.
    padded = np.pad(mask, 1).astype(np.float64)
    loops = [np.asarray(line, dtype=np.float64) for line in contour_generator(z=padded).lines(0.5)]
    longest = max(loops, key=enclosed_area)
    # Minus one for the border, plus a half from pixel centres to pixel corners.
    return np.clip(longest - 0.5, 0.0, mask.shape[::-1])


def enclosed_area(loop: FloatArray) -> float:
    """Return the area within a closed line (n, 2), in its units squared (shoelace formula)."""
    x, y = loop.T
    return float(abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2)
