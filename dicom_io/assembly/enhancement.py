"""How blood and liver brighten from phase to phase: numbers of four volumes, no headers."""

from collections.abc import Mapping
from dataclasses import dataclass
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

_BODY = 0.25
"""Of the 90th percentile before contrast: below it lies air."""
_STILL_PERCENT = 15
"""Percentile of the ratio to the phase before contrast that stands for tissue which takes up nothing: whatever
gain or flip angle differs between the phases is divided out by it."""
_BLOOD_PERCENT = 98.5
_LIVER_PERCENT = 85

_RESTING_PERCENT, _RISING_PERCENT = 30, 75
"""Beyond them lies what brightens least and most from the arterial to the portal phase, blood left out."""

_TAIL_PERCENTS = (1.5, 3.0, 5.0, 10.0, 15.0)
"""Of the ratio to before contrast, from both ends: nothing gets darker by contrast, and blood is little."""

_TINY = 1e-6
"""Keeps a quotient finite where the divisor is black."""

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Enhancement:
    """How bright blood and liver are.

    Parameters
    ----------
    blood
        Median over what changes most until the portal phase, relative to the median of the body, by phase.
    liver
        Median over what brightens most in the hepatobiliary phase, relative to before contrast, by phase after it.
    liver_to_blood
        In the hepatobiliary phase itself.
    peak
        What the arterial phase brightens most, relative to the median, over the same of the hepatobiliary phase.
    uptake
        What the hepatobiliary phase brightens most, relative to the median, times what it darkens most: below one
        where more is lost than gained, that is where it comes before the phase it is compared with.
    liver_uptake
        Gain from before contrast to the hepatobiliary phase of what still brightened from the arterial to the
        portal phase, as the liver does, over that of the rest; times `uptake`. Below one where first and last
        phase are exchanged.
    """

    blood: Mapping[Role, float]
    liver: Mapping[Role, float]
    liver_to_blood: float
    peak: float
    uptake: float
    liver_uptake: float


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
    body = (before > _BODY * np.percentile(before, 90)) & (before > 0)
    if body.sum() < LEAST_POINTS:
        return None
    if not all(_alike(before, values) for values in common.values()):
        return None
    # Black where another phase shows tissue, as in a subtraction: ratios of it stay finite.
    return {role: np.maximum(values[body], _TINY) for role, values in common.items()}


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


def measure(inside: Samples) -> Enhancement:
    """Compare the four phases, each taken for what its role says."""
    blood, brightness = _blood(inside)
    liver, gains = _liver(inside, blood)
    late = inside[Role.T1_HEPATOBILIARY]
    early_tails, late_tails = (_tails(inside, role) for role in (Role.T1_ARTERIAL, Role.T1_HEPATOBILIARY))
    uptake = float(np.exp(2 * late_tails.mean()))
    return Enhancement(
        blood={role: float(np.median(values[blood])) for role, values in brightness.items()},
        liver={role: float(np.median(gain[liver])) for role, gain in gains.items()},
        liver_to_blood=float(np.median(late[liver]) / max(float(np.median(late[blood])), _TINY)),
        peak=float(np.exp(early_tails[-1] - late_tails[-1])),
        uptake=uptake,
        # Two estimates that err in different studies.
        liver_uptake=uptake * _liver_uptake(inside, blood),
    )


def _alike(one: Array, other: Array) -> bool:
    """Tell whether two phases show one body: tissue and air lie in the same places, whatever the contrast."""
    if min(np.ptp(one), np.ptp(other)) <= 0:
        return False
    a, b = (np.argsort(np.argsort(values)) - (one.size - 1) / 2 for values in (one, other))
    return float(a @ b) >= LEAST_CORRELATION * float(a @ a)


def _blood(inside: Mapping[Role, Array]) -> tuple[Mask, Mapping[Role, Array]]:
    """Return what changes most up to the portal phase, and brightness relative to the body.

    Change and not brightness alone: without fat suppression, fat is brighter than any blood.
    """
    bright = {role: values / max(float(np.median(values)), _TINY) for role, values in inside.items()}
    early = np.maximum.reduce([bright[role] for role in bright if role is not Role.T1_HEPATOBILIARY])
    change = early - np.minimum.reduce(list(bright.values()))
    return change >= np.percentile(change, _BLOOD_PERCENT), bright


def _liver(inside: Mapping[Role, Array], blood: Mask) -> tuple[Mask, Mapping[Role, Array]]:
    """Return what brightens most in the hepatobiliary phase, blood left out, and the gain of each phase."""
    before = inside[Role.T1_PRE]
    ratios = {role: values / before for role, values in inside.items() if role is not Role.T1_PRE}
    still = {role: max(float(np.percentile(ratio, _STILL_PERCENT)), _TINY) for role, ratio in ratios.items()}
    gains: dict[Role, Array] = {role: ratio / still[role] for role, ratio in ratios.items()}
    late = gains[Role.T1_HEPATOBILIARY]
    liver: Mask = ~blood & (late >= np.percentile(late[~blood], _LIVER_PERCENT))
    return liver, gains


def _tails(inside: Samples, role: Role) -> Array:
    """Return how far the logarithm of the ratio to before contrast reaches on either side of its median.

    Returns
    -------
    Array
        (n,): distances of the lower percentiles, negative, then those of the upper ones, the highest last.
    """
    tissue = _tissue(inside)
    ratio = np.log(inside[role][tissue] / inside[Role.T1_PRE][tissue])
    percents = (*_TAIL_PERCENTS, *(100 - percent for percent in reversed(_TAIL_PERCENTS)))
    tails: Array = np.percentile(ratio, percents) - np.median(ratio)
    return tails


def _liver_uptake(inside: Samples, blood: Mask) -> float:
    """Return the gain of the liver from before contrast to the hepatobiliary phase, over that of the rest.

    The liver is found without the two phases that are compared, so that their order has no part in finding it, and
    however large a part of the body it is.
    """
    tissue = _tissue(inside) & ~blood
    if not tissue.any():
        return 1.0
    between = np.log(inside[Role.T1_PORTAL] / inside[Role.T1_ARTERIAL])[tissue]
    gain = np.log(inside[Role.T1_HEPATOBILIARY] / inside[Role.T1_PRE])[tissue]
    liver = between >= np.percentile(between, _RISING_PERCENT)
    rest = between <= np.percentile(between, _RESTING_PERCENT)
    return float(np.exp(np.median(gain[liver]) - np.median(gain[rest])))


def _tissue(inside: Samples) -> Mask:
    """Return what is bright in every phase: what breathing moves out of the body says nothing of contrast."""
    bright = [values / max(float(np.percentile(values, 90)), _TINY) for values in inside.values()]
    tissue: Mask = np.minimum.reduce(bright) > _BODY
    return tissue


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
