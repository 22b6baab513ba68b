"""Means over repeated splits with honest intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.evaluation.scores import Scored
from pipeline.geometry import FloatArray

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval.

    Parameters
    ----------
    mean, low, high
        NaN where there is nothing to average, or (the bounds) only one value.
    values
        How many were averaged.
    """

    mean: float
    low: float
    high: float
    values: int

    def __str__(self) -> str:
        """Write it as tables do."""
        if not np.isfinite(self.mean):
            return "not defined"
        if not np.isfinite(self.low):
            return f"{self.mean:.3f}"
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def mean_of_patients(values: FloatArray, bounds: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """Average a figure of independent patients, with the interval of Student's t.

    Parameters
    ----------
    values
        One a patient.
    bounds
        What the figure can be; the interval is cut there.
    """
    return over_splits(values, 0.0, bounds)


def over_splits(
    values: Sequence[float] | FloatArray, test_over_training: float, bounds: tuple[float, float] = (0.0, 1.0)
) -> Interval:
    """Average a figure over repeated random splits.

    The splits share patients, so that the usual standard error of the mean is far too small. The corrected
    resampled t interval [1]_ takes variance x (1/splits + test patients / training patients).

    Parameters
    ----------
    values
        One a split; NaN where it is not defined.
    test_over_training
        Patients tested for each that was learnt from.
    bounds
        What the figure can be; the interval is cut there.

    References
    ----------
    .. [1] Nadeau and Bengio, Mach Learn 52, 2003. doi:10.1023/A:1024068626366
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(known.mean())
    if len(known) == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    error = float(known.std(ddof=1)) * np.sqrt(1 / len(known) + test_over_training)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(known) - 1)) * error
    return Interval(mean, float(max(bounds[0], mean - reach)), float(min(bounds[1], mean + reach)), len(known))


def tested_over_learnt(parts: Sequence[Scored]) -> float:
    """Return the mean of tested over learnt-from patients of these parts."""
    return float(np.mean([len(part.rows) / len(part.seen.training) for part in parts]))


FURTHER_FIT = 1.0
"""In the place of tested over learnt-from patients where all fits are tested on the same others: the interval is
then that of a further fit."""
