"""Whether rescale slopes that differ from slice to slice can be true.

A scanner that stores each slice with a scale of its own undoes with the slope what it did to the stored values, so
that neighbours are about as bright afterwards. Where brightness jumps as the slope does, the slope was not used.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

STEP = 3.0
"""Ratio of the slopes of neighbours, from which on brightness must not follow it."""

SPIKE = 1.5
"""The same of a slice to both its neighbours."""

_FOLLOWS = 0.75
"""Share of the logarithm of the ratio of the slopes that the brightness makes too, at least, where it follows."""


def unbelievable_slope(slices: Sequence[npt.NDArray[np.float32]], slopes: Sequence[float]) -> float | None:
    """Return the ratio of the slopes of two neighbours whose brightness jumps with it, or None.

    Parameters
    ----------
    slices
        Rescaled values, in the order of the stack.
    slopes
        That each was rescaled with.
    """
    if len(set(slopes)) < 2 or not all(slopes):
        return None
    slope = np.log(np.abs(slopes))
    # An empty slice has no brightness, and jumps nowhere.
    means = np.array([abs(float(values.mean())) or np.nan for values in slices])
    step, jump = np.diff(slope), np.diff(np.log(means))
    follows = (np.abs(step) > 0) & (jump * np.sign(step) >= _FOLLOWS * np.abs(step))
    for ratio, one in zip(step, follows, strict=True):
        if one and abs(ratio) >= np.log(STEP):
            return float(np.exp(abs(ratio)))
    for (before, after), both in zip(pairwise(step), pairwise(follows), strict=True):
        if all(both) and before * after < 0 and min(abs(before), abs(after)) >= np.log(SPIKE):
            return float(np.exp(min(abs(before), abs(after))))
    return None
