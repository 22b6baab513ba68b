"""Receiver operating characteristics of repeated splits, averaged with a band."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_curve

from pipeline.evaluation.intervals import Interval, over_splits, tested_over_learnt
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.sampling import area_bounds, outcomes_of, share_bounds, widened
from pipeline.evaluation.scores import Scored
from pipeline.geometry import FloatArray

GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class RocBand:
    """A mean curve.

    Parameters
    ----------
    false_rate, mean, low, high
        (101,): 1 - specificity; sensitivity with its 95 % band, pointwise.
    area
        Area under the curve.
    patients
        Mean number of test patients.
    """

    false_rate: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    area: Interval
    patients: float


def roc_band(parts: Sequence[Scored], ratio: float | None = None) -> RocBand:
    """Average the curves vertically over those splits that have both outcomes; intervals as in `average`.

    Raises
    ------
    EvaluationError
        ``EV-SEEN``: a part was seen in fitting.
    """
    curves, areas, counts = [], [], []
    for part in parts:
        part.require_honest()
        counts.append(len(part.rows))
        areas.append(auc(part.mvi, part.probability))
        if 0 < part.mvi.sum() < len(part.mvi):
            false_rate, true_rate, _ = roc_curve(part.mvi, part.probability)
            curves.append(np.interp(GRID, false_rate, true_rate))
    ratio = tested_over_learnt(parts) if ratio is None else ratio
    invaded, others = outcomes_of(parts)
    points = [over_splits(column, ratio) for column in np.array(curves).reshape(-1, len(GRID)).T]
    # The last point is 1 for everyone.
    points[:-1] = [widened(point, share_bounds(point.mean, invaded)) for point in points[:-1]]
    area = over_splits(areas, ratio)
    return RocBand(
        GRID,
        np.array([point.mean for point in points]),
        np.array([point.low for point in points]),
        np.array([point.high for point in points]),
        widened(area, area_bounds(area.mean, invaded, others)),
        float(np.mean(counts)),
    )
