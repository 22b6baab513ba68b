"""Whether probabilities are what they say, and whether acting on them does good."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from pipeline.evaluation.parts import BoolArray
from pipeline.evaluation.scores import Scored
from pipeline.geometry import FloatArray
from pipeline.training.calibration import LEAST_FOR_CALIBRATION

EDGE = 1e-6
"""Probabilities are kept this far from 0 and 1, where a logit ends."""
STEPS = 50


@dataclass(frozen=True)
class CalibrationLine:
    """Logistic recalibration of probabilities.

    Parameters
    ----------
    slope
        1 where probabilities are as spread as they should be; below 1 they are too extreme.
    intercept
        Calibration in the large, with the slope held at 1: above 0 where invasion is commoner than said.
    """

    slope: float
    intercept: float


def calibration_line(mvi: BoolArray, probability: FloatArray) -> CalibrationLine:
    """Fit slope and intercept by maximum likelihood; NaN where an outcome is absent or the two do not overlap.

    References
    ----------
    .. [1] Van Calster et al., BMC Med 17, 2019. doi:10.1186/s12916-019-1466-7
    """
    if not 0 < mvi.sum() < len(mvi):
        return CalibrationLine(float("nan"), float("nan"))
    logits = logit(np.clip(probability, EDGE, 1 - EDGE))
    return CalibrationLine(_fit(mvi, logits, np.zeros(len(mvi)))[1], _fit(mvi, np.zeros(0), logits)[0])


def _fit(mvi: BoolArray, values: FloatArray, offset: FloatArray) -> FloatArray:
    """Newton's method for a logistic regression with intercept; NaN where it does not settle."""
    design = np.stack([np.ones(len(mvi)), *([values] if len(values) else [])], axis=1)
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        expected = expit(design @ weights + offset)
        spread = expected * (1 - expected)
        hessian = design.T @ (design * spread[:, None])
        if np.linalg.cond(hessian) > 1e12:
            break
        step = np.linalg.solve(hessian, design.T @ (mvi - expected))
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            return np.asarray(weights, dtype=np.float64)
    return np.full(design.shape[1], np.nan)


def uncalibrated_words(uncalibrated: int, splits: int) -> str:
    """Say in a sentence in how many splits nothing was calibrated, and why; empty where all were."""
    if not uncalibrated:
        return ""
    return (
        f"In {uncalibrated} of {splits} splits the validation part could not calibrate (fewer than "
        f"{LEAST_FOR_CALIBRATION} patients of an outcome, or a risk that falls with the score): there the "
        "classifier's own numbers stand for probabilities."
    )


def calibrated_words(parts: Sequence[Scored]) -> str:
    """Say in a sentence or two whether the probabilities of these parts are calibrated."""
    loose = sum(not part.calibrated for part in parts)
    if not loose:
        return "The probabilities are calibrated by the validation part of each split (Platt's sigmoid)."
    how = "NOT calibrated" if loose == len(parts) else "calibrated in part of the splits only"
    return f"The probabilities are {how}. {uncalibrated_words(loose, len(parts))}"


def net_benefit(mvi: BoolArray, probability: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Return the net benefit of treating those above each threshold: found, less those treated for nothing.

    True positives / n - false positives / n x threshold / (1 - threshold).

    References
    ----------
    .. [1] Vickers and Elkin, Med Decis Making 26(6), 2006. doi:10.1177/0272989X06295361
    """
    treated = probability[None, :] > thresholds[:, None]
    found = (treated & mvi).sum(axis=1) / len(mvi)
    needless = (treated & ~mvi).sum(axis=1) / len(mvi)
    result: FloatArray = found - needless * thresholds / (1 - thresholds)
    return result


def net_benefit_of_all(prevalence: float, thresholds: FloatArray) -> FloatArray:
    """Return the net benefit of treating everybody."""
    result: FloatArray = prevalence - (1 - prevalence) * thresholds / (1 - thresholds)
    return result
