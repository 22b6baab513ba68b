import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from pipeline.evaluation.intervals import over_splits
from pipeline.evaluation.metrics import auc, performance


def test_performance_when_counted_by_hand_then_agrees() -> None:
    mvi = np.array([True, True, True, True, False, False])
    found = performance(mvi, np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.1]), 0.5)
    # Three of four found, one of two cleared; seven of eight pairs in order, sensitivity over MVI-positive cases.
    assert (found.acc, found.sen, found.spe) == pytest.approx((4 / 6, 3 / 4, 1 / 2))
    assert found.auc == pytest.approx(7 / 8)
    assert found.brier == pytest.approx((0.01 + 0.04 + 0.09 + 0.64 + 0.36 + 0.01) / 6)


def test_auc_when_there_are_ties_then_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        mvi, score = random.random(50) < 0.4, random.integers(0, 6, 50).astype(float)
        assert auc(mvi, score) == pytest.approx(roc_auc_score(mvi, score))
    assert np.isnan(auc(np.ones(3, dtype=bool), np.arange(3.0)))


def test_interval_when_computed_by_hand_then_is_the_corrected_resampled_t() -> None:
    values = [0.7, 0.8, 0.75, 0.85]
    found = over_splits(values, 1.25)
    reach = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) * np.sqrt(1 / 4 + 1.25)
    assert (found.mean, found.low) == pytest.approx((0.775, 0.775 - reach))
    assert found.high == pytest.approx(min(1.0, 0.775 + reach))


def test_interval_when_values_are_missing_then_is_over_the_others() -> None:
    assert over_splits([float("nan"), 0.6], 1.25).values == 1
    assert np.isnan(over_splits([float("nan"), 0.6], 1.25).low)
    assert str(over_splits([float("nan")], 1.25)) == "not defined"
