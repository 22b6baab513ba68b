"""Contours to pixels: a pixel is inside where its centre is."""

import numpy as np
import numpy.typing as npt

from pipeline.geometry import FloatArray


def fill(points_ij: FloatArray, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Fill a closed polygon by the even-odd rule.

    Parameters
    ----------
    points_ij
        (n, 2), corners in pixels, column first; the centre of the first pixel is (0, 0). The last joins the first.
    shape
        Rows and columns of the image; what lies outside is cut off.

    Returns
    -------
    numpy.ndarray
        (j, i) bool: whether the centre of each pixel is inside. A centre on the edge belongs to the polygon at its
        left and upper side, so that neighbours share no pixel and leave none out.

    References
    ----------
    .. [1] Foley et al., Computer Graphics: Principles and Practice, 1990, section 3.6.
    """
    i, j = points_ij.T
    next_i, next_j = np.roll(i, -1), np.roll(j, -1)
    # One more column, for edges to the right of the image.
    crossings = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    for a_i, a_j, b_i, b_j in zip(i, j, next_i, next_j, strict=True):
        low, high = sorted((a_j, b_j))
        rows = np.arange(max(0, int(np.ceil(low))), min(shape[0], int(np.ceil(high))))
        if not len(rows):
            continue
        columns = np.ceil(a_i + (rows - a_j) * (b_i - a_i) / (b_j - a_j)).astype(np.int64)
        np.add.at(crossings, (rows, np.clip(columns, 0, shape[1])), 1)
    inside: npt.NDArray[np.bool_] = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return inside
