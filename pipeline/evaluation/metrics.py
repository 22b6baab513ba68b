"""Figures of one part of one split."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pipeline.evaluation.parts import BoolArray
from pipeline.geometry import FloatArray


@dataclass(frozen=True)
class Performance:
    """The paper's four figures, and the Brier score.

    Parameters
    ----------
    acc, sen, spe
        At the threshold of the validation part: over all patients, those with and those without invasion.
    auc
        Area under the receiver operating characteristic; NaN where one outcome is absent.
    brier
        Mean squared distance of probability and outcome.
    """

    acc: float
    auc: float
    sen: float
    spe: float
    brier: float


def performance(mvi: BoolArray, probability: FloatArray, threshold: float) -> Performance:
    """Measure one part; a share of nobody is NaN."""
    positive = probability > threshold
    return Performance(
        _share(positive == mvi),
        auc(mvi, probability),
        _share(positive[mvi]),
        _share(~positive[~mvi]),
        float(np.mean((probability - mvi) ** 2)) if len(mvi) else float("nan"),
    )


def auc(mvi: BoolArray, score: FloatArray) -> float:
    """Return the probability that a patient with invasion scores higher than one without; ties count half."""
    positive, negative = int(mvi.sum()), int((~mvi).sum())
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[mvi].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _share(hits: BoolArray) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
