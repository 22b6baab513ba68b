"""The four phases at the points of one lattice, and whether they show one body."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from pipeline.geometry import Grid
from pipeline.study import Role
from pipeline.volume import Volume

STEP_MM = (6.0, 6.0, 10.0)
"""Lattice on which phases are compared, (i, j, k): coarser than what breathing moves between breath-holds."""

LEAST_POINTS = 500
"""Fewer points of tissue common to the four phases tell nothing."""

LEAST_CORRELATION = 0.3
"""Of the ranks of two phases of one body; noise and test patterns have less."""

BODY = 0.25
"""Of the 90th percentile before contrast: below it lies air."""

TINY = 1e-6
"""Keeps a quotient finite where the divisor is black."""

Array = npt.NDArray[np.float64]

Mask = npt.NDArray[np.bool_]

Samples = Mapping[Role, "Array"]
"""Brightness of the four phases at the same points of the body."""


def sample(volumes: Mapping[Role, Volume]) -> Samples | None:
    """Look at the four phases of contrast at the points of one lattice.

    Parameters
    ----------
    volumes
        The four T1 roles, as assembled, unregistered.

    Returns
    -------
    Samples or None
        None where too little tissue is common to the four, or they do not show the same body.
    """
    common = _in_common(volumes)
    before = common[Role.T1_PRE]
    if not before.size:
        return None
    body = (before > BODY * np.percentile(before, 90)) & (before > 0)
    if body.sum() < LEAST_POINTS:
        return None
    if not all(_alike(before, values) for values in common.values()):
        return None
    # Black where another phase shows tissue, as in a subtraction: ratios of it stay finite.
    return {role: np.maximum(values[body], TINY) for role, values in common.items()}


def strangers(volumes: Mapping[Role, Volume]) -> tuple[Role, ...]:
    """Return the phases that do not show the body of the others, as a subtraction or a fat image does not.

    Parameters
    ----------
    volumes
        The four T1 roles, as assembled, unregistered.

    Returns
    -------
    tuple[Role, ...]
        Those like no other phase, where the others are all alike and two at least; nothing where too few points
        are common to the four, or no two show one body, so that nothing tells who the stranger is.
    """
    common = _in_common(volumes)
    if common[Role.T1_PRE].size < LEAST_POINTS:
        return ()
    alike = {pair for pair in combinations(common, 2) if _alike(common[pair[0]], common[pair[1]])}
    alone = tuple(role for role in common if not any(role in pair for pair in alike))
    others = [role for role in common if role not in alone]
    return alone if len(others) > 1 and all(pair in alike for pair in combinations(others, 2)) else ()


def unlike(volumes: Mapping[Role, Volume]) -> tuple[tuple[Role, Role], ...]:
    """Return the pairs of phases that do not show one body, where some do.

    Parameters
    ----------
    volumes
        The four T1 roles, as assembled, unregistered.

    Returns
    -------
    tuple[tuple[Role, Role], ...]
        Nothing where too few points are common to the four, or no two are alike, as of noise.
    """
    common = _in_common(volumes)
    pairs = list(combinations(common, 2))
    if common[Role.T1_PRE].size < LEAST_POINTS:
        return ()
    apart = tuple(pair for pair in pairs if not _alike(common[pair[0]], common[pair[1]]))
    return apart if len(apart) < len(pairs) else ()


def _in_common(volumes: Mapping[Role, Volume]) -> Samples:
    """Return the brightness at the points of the lattice that lie in all volumes, air included."""
    points = _lattice(volumes[Role.T1_HEPATOBILIARY].grid)
    sampled = {role: sample_at(volume, points) for role, volume in volumes.items()}
    common = np.logical_and.reduce([np.isfinite(values) for values in sampled.values()])
    return {role: values[common] for role, values in sampled.items()}


def _alike(one: Array, other: Array) -> bool:
    """Tell whether two phases show one body: tissue and air lie in the same places, whatever the contrast."""
    if min(np.ptp(one), np.ptp(other)) <= 0:
        return False
    a, b = (np.argsort(np.argsort(values)) - (one.size - 1) / 2 for values in (one, other))
    return float(a @ b) >= LEAST_CORRELATION * float(a @ a)


def _lattice(grid: Grid) -> Array:
    """Return the points (n, 3) of a coarse lattice over `grid`, LPS mm."""
    coarse = grid.with_spacing(np.maximum(STEP_MM, grid.spacing_xyz_mm))
    k, j, i = np.indices(coarse.shape).reshape(3, -1)
    return coarse.to_lps_mm(np.stack([i, j, k], axis=-1))


def sample_at(volume: Volume, points: Array) -> Array:
    """Return the local mean of a volume at `points`; not a number outside of it."""
    grid = volume.grid
    size_i, size_j = (max(1, round(STEP_MM[axis] / grid.spacing_xyz_mm[axis])) for axis in (0, 1))
    mean = uniform_filter(volume.array, size=(1, size_j, size_i), mode="nearest")
    index = np.rint(grid.to_index_ijk(points)[:, ::-1]).astype(int)
    limits = np.array(mean.shape)
    inside = ((index >= 0) & (index < limits)).all(axis=1)
    k, j, i = np.clip(index, 0, limits - 1).T
    return np.where(inside, mean[k, j, i].astype(np.float64), np.nan)
