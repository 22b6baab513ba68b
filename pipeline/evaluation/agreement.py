"""Intraclass correlation: whether a feature stays the same when the tumour is outlined again."""

import numpy as np

from pipeline.geometry import FloatArray


def icc_2_1(ratings: FloatArray) -> FloatArray:
    """Return ICC(2,1): two-way random effects, absolute agreement, a single outline.

    Parameters
    ----------
    ratings
        (patients, outlines, features).

    Returns
    -------
    FloatArray
        (features,); NaN where nothing varies.

    References
    ----------
    .. [1] Shrout and Fleiss, Psychol Bull 86(2), 1979. doi:10.1037/0033-2909.86.2.420
    """
    n, k = ratings.shape[:2]
    # Features of 1e9 and a spread of 1 lose their squares: the mean goes first.
    centred = ratings - ratings.mean(axis=(0, 1))
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    between = k * (rows**2).sum(axis=0) / (n - 1)
    outlines = n * (columns**2).sum(axis=0) / (k - 1)
    rest = ((centred - rows[:, None] - columns[None]) ** 2).sum(axis=(0, 1)) / ((n - 1) * (k - 1))
    below = between + (k - 1) * rest + k * (outlines - rest) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        result: FloatArray = np.where(below > 0, (between - rest) / below, np.nan)
    return result
