"""Logits of left-out cases to probabilities, a threshold, and how far the probabilities can be believed."""

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

FloatArray = npt.NDArray[np.float64]

CALIBRATION_BINS = 5
LEAST_FOR_CALIBRATION = 10
"""Cases of each outcome below which a calibration would be noise."""


def youden_threshold(probabilities: FloatArray, mvi: npt.NDArray[np.bool_]) -> float:
    """Choose the probability that maximises sensitivity + specificity - 1.

    Halfway between the last case called positive and the next one below, so that neither lies on the edge.
    """
    false_rate, true_rate, thresholds = roc_curve(mvi, probabilities, drop_intermediate=False)
    lowest = float(thresholds[int(np.argmax(true_rate - false_rate))])
    below = probabilities[probabilities < lowest]
    if not np.isfinite(lowest):
        return 1.0
    return (lowest + float(below.max())) / 2 if len(below) else lowest


def calibrate(logits: FloatArray, mvi: npt.NDArray[np.bool_]) -> tuple[float, float, bool]:
    """Fit slope and intercept of Platt's sigmoid; 1, 0 and False where that would make no sense."""
    if min(int(mvi.sum()), int((~mvi).sum())) < LEAST_FOR_CALIBRATION:
        return 1.0, 0.0, False
    model = LogisticRegression(C=1.0).fit(logits[:, None], mvi)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    # A falling sigmoid would turn the ranking of the network upside down.
    return (slope, intercept, True) if slope > 0 else (1.0, 0.0, False)


def calibration_error(probabilities: FloatArray, mvi: npt.NDArray[np.bool_]) -> float:
    """Return the mean distance of predicted and observed frequency over bins of equal size, weighted by cases.

    References
    ----------
    .. [1] Naeini et al., AAAI 2015, 2901-2907.
    """
    parts = np.array_split(np.argsort(probabilities, kind="stable"), min(CALIBRATION_BINS, len(mvi)))
    gaps = [len(part) * abs(probabilities[part].mean() - mvi[part].mean()) for part in parts]
    return float(sum(gaps) / len(mvi))


def read(logits: FloatArray, slope: float, intercept: float) -> FloatArray:
    """Return the probability of each case as a study is read: the mean over the members of theirs.

    Parameters
    ----------
    logits
        (cases, splits): of the member of each split that left the case out.
    slope, intercept
        Of the calibration.
    """
    probabilities: FloatArray = expit(slope * logits + intercept).mean(axis=1)
    return probabilities


def cross_calibrated(logits: FloatArray, mvi: npt.NDArray[np.bool_], fold: npt.NDArray[np.intp]) -> FloatArray:
    """Return the probability of each case by a sigmoid that was fitted without its fold; `fold` numbers it.

    `logits` is (cases, splits), `fold` (cases,).
    """
    probabilities = np.empty(len(mvi))
    for n in np.unique(fold):
        slope, intercept, _ = calibrate(logits[fold != n].mean(axis=1), mvi[fold != n])
        probabilities[fold == n] = read(logits[fold == n], slope, intercept)
    return probabilities
