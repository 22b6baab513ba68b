"""How little a share or an area is known from so many patients: score intervals, never of no width."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from pipeline.evaluation.intervals import LEVEL, Interval
from pipeline.evaluation.scores import Scored

_Z = float(stats.norm.ppf((1 + LEVEL) / 2))
_BESIDE = 1e-9


def share_bounds(share: float, patients: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of so many patients.

    References
    ----------
    .. [1] Wilson, J Am Stat Assoc 22(158), 1927. doi:10.1080/01621459.1927.10502953
    """
    if not (np.isfinite(share) and patients > 0):
        return float("nan"), float("nan")
    shrunk = 1 + _Z**2 / patients
    centre = (share + _Z**2 / (2 * patients)) / shrunk
    reach = _Z * np.sqrt(share * (1 - share) / patients + _Z**2 / (4 * patients**2)) / shrunk
    # Rounding must not leave a share of 0 or 1 outside: it lies at an end of its interval.
    return max(0.0, min(share, float(centre - reach))), min(1.0, max(share, float(centre + reach)))


def area_bounds(area: float, invaded: int, others: int) -> tuple[float, float]:
    """Return the 95 % score interval of an area under the curve: all areas from which `area` is not too far.

    The variance is that of Hanley and McNeil [1]_ at each candidate [2]_, so that areas of 0 and 1 have a width.

    References
    ----------
    .. [1] Hanley and McNeil, Radiology 143(1), 1982. doi:10.1148/radiology.143.1.7063747
    .. [2] Newcombe, Stat Med 25(4), 2006. doi:10.1002/sim.2324
    """
    if not (np.isfinite(area) and invaded and others):
        return float("nan"), float("nan")

    def beyond(candidate: float) -> float:
        first, second = candidate / (2 - candidate), 2 * candidate**2 / (1 + candidate)
        square = candidate**2
        variance = candidate - square + (invaded - 1) * (first - square) + (others - 1) * (second - square)
        return (candidate - area) ** 2 - _Z**2 * variance / (invaded * others)

    # `beyond` is negative near the area. At 0 and 1, where the variance is 0, it is so only beside them.
    low = 0.0 if area <= 0 else float(brentq(beyond, 0.0, min(area, 1 - _BESIDE)))
    high = 1.0 if area >= 1 else float(brentq(beyond, max(area, _BESIDE), 1.0))
    return low, high


def widened(interval: Interval, bounds: tuple[float, float]) -> Interval:
    """Return the interval, reaching at least as far as these bounds; bounds that are NaN say nothing."""
    low = float(np.fmin(interval.low, bounds[0]))
    return replace(interval, low=low, high=float(np.fmax(interval.high, bounds[1])))


def outcomes_of(parts: Sequence[Scored]) -> tuple[int, int]:
    """Count the patients of these parts, each once: with invasion, and without."""
    mvi = {int(row): bool(outcome) for part in parts for row, outcome in zip(part.rows, part.mvi, strict=True)}
    invaded = sum(mvi.values())
    return invaded, len(mvi) - invaded
