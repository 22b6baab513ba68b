"""DeLong's comparison of areas under the curve of one set of patients."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.stats import rankdata

from pipeline.evaluation.parts import BoolArray
from pipeline.geometry import FloatArray

NORMAL_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Comparison:
    """Two areas and their difference.

    Parameters
    ----------
    first, second
        Areas under the curve.
    difference, low, high
        First less second, with its 95 % interval.
    p
        Two-sided. It and the bounds are NaN where the variance is 0: both scores order all patients alike, or part
        the outcomes without an error, and the patients do not tell what others would do.
    patients
        Compared.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    patients: int


def delong_covariance(mvi: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the areas (scores,) and their covariance (scores, scores).

    Parameters
    ----------
    mvi
        (patients,), at least two of each outcome.
    scores
        (scores, patients); ties count half.

    References
    ----------
    .. [1] DeLong et al., Biometrics 44(3), 1988. doi:10.2307/2531595
    .. [2] Sun and Xu, IEEE Signal Process Lett 21(11), 2014. doi:10.1109/LSP.2014.2337313
    """
    positive, negative = scores[:, mvi], scores[:, ~mvi]
    m, n = positive.shape[1], negative.shape[1]
    together = rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    # Placement values: the share of the other outcome that a patient is rightly ahead of.
    ahead = (together[:, :m] - rankdata(positive, axis=1)) / n
    behind = 1 - (together[:, m:] - rankdata(negative, axis=1)) / m
    areas = ahead.mean(axis=1)
    covariance = np.atleast_2d(np.cov(ahead)) / m + np.atleast_2d(np.cov(behind)) / n
    return areas, covariance


def compare(mvi: BoolArray, first: FloatArray, second: FloatArray) -> Comparison:
    """Compare two scores of the same patients; each (patients,)."""
    areas, covariance = delong_covariance(mvi, np.stack([first, second]))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = float(np.sqrt(max(variance, 0.0)))
    # Rounding leaves a variance of some 1e-17 where there is none.
    known = error > 1e-7
    p = float(2 * stats.norm.sf(abs(difference) / error)) if known else float("nan")
    reach = NORMAL_95 * error if known else float("nan")
    return Comparison(
        float(areas[0]), float(areas[1]), difference, difference - reach, difference + reach, p, len(mvi)
    )
