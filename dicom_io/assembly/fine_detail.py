"""Whether two stacks are images of one acquisition: the noise of two acquisitions is never the same.

A sharpened, scaled, slightly smoothed or subtracted copy keeps the noise of its original, whatever it is called
and whenever it is said to have been acquired. Two breath-holds share anatomy but no noise, also where nothing
moved: three phases of a breast in one coil correlate by 0.02 at most, as test_fine_detail.py shows.
"""

from collections.abc import Mapping
from itertools import combinations
from statistics import median

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from pipeline.study import Role

SLICES = 5
"""Neighbouring slices that are compared."""

_LAG = 2
"""Slices apart: acquired next to one another even interpolated ones share little, those of a slab much."""

_TISSUE = 0.25
"""Of the 90th percentile: below it lies air, which many scanners blacken."""

_EVEN_PERCENT = 50
"""Of the tissue, by the slope of the smoothed image: the rest is edges, which are anatomy."""

_OUTLIER = 3.0
"""Times the spread: what lies beyond it is cut to it."""

_BORDER = 3
"""Pixels at the edges of the image that are not compared."""

_LEAST_PIXELS = 200

_TO_DEVIATION = 1.4826
"""From the median absolute deviation to the standard deviation of normal values."""

Mask = npt.NDArray[np.bool_]
Detail = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]
"""(k, j, i): neighbouring slices of one stack."""


def middle(slices: int) -> slice:
    """Return which slices of a stack are compared: some neighbours from its middle."""
    first = max(0, (slices - SLICES) // 2)
    return slice(first, first + SLICES)


def likeness(one: Block, other: Block) -> float:
    """Return the correlation of the noise of two blocks that lie on one another, 0 to 1, whatever its sign.

    0 where too little even tissue is common to the two.
    """
    tissue = _tissue(one) & _tissue(other)
    if not tissue.any():
        return 0.0
    slopes = [_slope(block) for block in (one, other)]
    even = tissue & np.logical_and.reduce([it <= np.percentile(it[tissue], _EVEN_PERCENT) for it in slopes])
    if even.sum() < _LEAST_PIXELS:
        return 0.0
    a, b = (_detail(block, even) for block in (one, other))
    return abs(float(a @ b)) / max(float(np.sqrt((a @ a) * (b @ b))), np.finfo(np.float64).tiny)


def pairs_alike(blocks: Mapping[Role, Block]) -> Mapping[tuple[Role, Role], float]:
    """Return the likeness of every two blocks of one shape."""
    return {
        (one, other): likeness(blocks[one], blocks[other])
        for one, other in combinations(blocks, 2)
        if blocks[one].shape == blocks[other].shape
    }


def own_likeness(block: Block) -> float:
    """Return the likeness of the slices of a block to those two apart; 0 where it has too few."""
    return likeness(block[:-_LAG], block[_LAG:]) if len(block) > _LAG else 0.0


def thickness_beyond(blocks: Mapping[Role, Block]) -> Mapping[Role, float]:
    """Return how much more alike the slices of each block are than those of the others, -1 to 1.

    A projection or mean over several slices has slices that share their sources; phases of one protocol differ
    little.

    Parameters
    ----------
    blocks
        Of at least three phases; of fewer, nothing tells what is usual, and nothing is returned.
    """
    own = {role: own_likeness(block) for role, block in blocks.items() if len(block) > _LAG}
    if len(own) <= _LAG:
        return {}
    return {role: value - median(own[other] for other in own if other is not role) for role, value in own.items()}


def _tissue(block: Block) -> Mask:
    smooth = uniform_filter(block, size=(1, 5, 5))
    found: Mask = smooth > _TISSUE * np.percentile(smooth, 90)
    for edge in (np.s_[:, :_BORDER], np.s_[:, -_BORDER:], np.s_[:, :, :_BORDER], np.s_[:, :, -_BORDER:]):
        found[edge] = False
    return found


def _slope(block: Block) -> Detail:
    smooth = uniform_filter(block.astype(np.float64), size=(1, 3, 3))
    across, along = (np.roll(smooth, 2, axis) - np.roll(smooth, -2, axis) for axis in (1, 2))
    slope: Detail = np.hypot(across, along)
    return slope


def _detail(block: Block, where: Mask) -> Detail:
    """Return the finest detail at each pixel, by its spread, mean 0: what curves along rows and columns."""
    curved = block.astype(np.float64)
    for axis in (1, 2):
        # Neither a flat nor a sloping signal passes, nor an edge along rows or columns: anatomy has least of it.
        curved = 2 * curved - np.roll(curved, 1, axis) - np.roll(curved, -1, axis)
    left: Detail = curved[where]
    left -= np.median(left)
    spread = _TO_DEVIATION * float(np.median(np.abs(left)))
    if spread <= 0:
        return np.zeros_like(left)
    cut: Detail = np.clip(left / spread, -_OUTLIER, _OUTLIER)
    cut -= cut.mean()
    return cut
