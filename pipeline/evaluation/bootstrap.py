"""The area under the curve over resampled patients."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.intervals import LEVEL, Interval
from pipeline.evaluation.sampling import area_bounds, outcomes_of, widened
from pipeline.evaluation.scores import Scored
from pipeline.geometry import FloatArray


def bootstrap_auc(parts: Sequence[Scored], patients: int, resamples: int, seed: int) -> Interval:
    """Return the mean area of all splits with the 95 % interval over resampled patients.

    A patient that is drawn twice counts twice in every split, so that the splits stay as dependent as they are;
    patients with and without invasion are drawn apart. Where few patients leave nothing to vary, the interval is
    as wide as that of one test of all of them (`area_bounds`).

    Parameters
    ----------
    parts
        One a split, of the same cohort.
    patients
        In the cohort.
    resamples, seed
        Of the bootstrap.
    """
    random = np.random.default_rng(seed)
    mvi = np.zeros(patients, dtype=bool)
    used = np.zeros(patients, dtype=bool)
    for part in parts:
        mvi[part.rows] = part.mvi
        used[part.rows] = True
    weights = np.zeros((resamples, patients))
    for outcome in (True, False):
        rows = np.flatnonzero(used & (mvi == outcome))
        drawn = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
        weights[:, rows] = drawn
    areas = np.array([_weighted_areas(part, weights) for part in parts])
    # A resample may leave a small part without one outcome: that split says nothing in it.
    known = np.isfinite(areas)
    means = np.where(known, areas, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    means = means[known.any(axis=0)]
    truth = float(np.nanmean(_each(parts)))
    low, high = np.percentile(means, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return widened(Interval(truth, float(low), float(high), resamples), area_bounds(truth, *outcomes_of(parts)))


def _each(parts: Sequence[Scored]) -> list[float]:
    ones = [np.ones((1, int(part.rows.max()) + 1)) for part in parts]
    return [float(_weighted_areas(part, one)[0]) for part, one in zip(parts, ones, strict=True)]


def _weighted_areas(part: Scored, weights: FloatArray) -> FloatArray:
    positive, negative = part.rows[part.mvi], part.rows[~part.mvi]
    ahead = part.probability[part.mvi][:, None] - part.probability[~part.mvi][None, :]
    wins = (ahead > 0) + 0.5 * (ahead == 0)
    first, second = weights[:, positive], weights[:, negative]
    with np.errstate(invalid="ignore"):
        areas: FloatArray = np.einsum("bi,bi->b", first, second @ wins.T) / (
            first.sum(axis=1) * second.sum(axis=1)
        )
    return areas
