"""The area under the curve over resampled patients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.intervals import LEVEL, Interval
from pipeline.evaluation.sampling import area_bounds, outcomes_of
from pipeline.evaluation.scores import Scored
from pipeline.geometry import FloatArray


@dataclass(frozen=True)
class ResampledArea:
    """An area under the curve by two intervals, neither of which stands in the place of the other.

    Parameters
    ----------
    percentile
        Mean area of all splits with the 2.5 % and 97.5 % percentile over resampled patients; `values` resamples.
        Of no width where nobody was ranked wrongly: resampling draws no patient that was not there.
    score
        What one test of all these patients leaves open, see `area_bounds`.
    """

    percentile: Interval
    score: tuple[float, float]

    def document(self) -> dict[str, float]:
        """Return all numbers by name, for ``evaluation.json``."""
        area = self.percentile
        return {
            "mean": area.mean,
            "percentile_low": area.low,
            "percentile_high": area.high,
            "score_low": self.score[0],
            "score_high": self.score[1],
            "resamples": area.values,
        }


def bootstrap_auc(parts: Sequence[Scored], patients: int, resamples: int, seed: int) -> ResampledArea:
    """Return the mean area of all splits with its 95 % interval over resampled patients, and the score interval.

    A patient that is drawn twice counts twice in every split, so that the splits stay as dependent as they are;
    patients with and without invasion are drawn apart.

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
    return ResampledArea(
        Interval(truth, float(low), float(high), resamples), area_bounds(truth, *outcomes_of(parts))
    )


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
