"""Against analytic truths, published tables and other implementations."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from pipeline.evaluation.agreement import icc_2_1
from pipeline.evaluation.calibration import calibration_line, net_benefit, net_benefit_of_all
from pipeline.evaluation.delong import compare, delong_covariance
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.parts import ClinicalColumn
from pipeline.evaluation.univariate import analyse_columns, bh_adjusted, holm_adjusted


def test_delong_when_computed_by_hand_then_agrees() -> None:
    # Positives 3, 1; negatives 2, 0. Placements of the positives 1 and 1/2, of the negatives 1/2 and 1: area 3/4,
    # variance (1/8)/2 + (1/8)/2 = 1/8.
    areas, covariance = delong_covariance(np.array([True, True, False, False]), np.array([[3.0, 1.0, 2.0, 0.0]]))
    assert areas == pytest.approx([0.75])
    assert covariance == pytest.approx(np.array([[1 / 8]]))


def test_delong_when_compared_with_the_bootstrap_then_the_error_of_the_difference_agrees() -> None:
    random = np.random.default_rng(0)
    mvi = np.arange(300) < 100
    first = random.standard_normal(300) + 1.2 * mvi
    second = 0.6 * first + random.standard_normal(300)
    found = compare(mvi, first, second)
    drawn = []
    for _ in range(600):
        rows = np.concatenate(
            [random.choice(np.flatnonzero(mvi == outcome), (mvi == outcome).sum()) for outcome in (True, False)]
        )
        drawn.append(auc(mvi[rows], first[rows]) - auc(mvi[rows], second[rows]))
    assert found.difference == pytest.approx(auc(mvi, first) - auc(mvi, second))
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.std(drawn), rel=0.1)


def test_delong_when_both_scores_are_the_same_then_there_is_no_difference_and_no_p() -> None:
    score = np.random.default_rng(0).standard_normal(30)
    found = compare(np.arange(30) < 10, score, np.exp(score))
    assert found.difference == 0
    assert np.isnan(found.p)


def test_delong_when_there_is_no_difference_then_p_values_are_uniform() -> None:
    random, mvi = np.random.default_rng(1), np.arange(120) < 40
    p = [compare(mvi, random.standard_normal(120) + mvi, random.standard_normal(120) + mvi).p for _ in range(400)]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_icc_when_compared_with_the_table_of_shrout_and_fleiss_then_agrees() -> None:
    # Shrout and Fleiss 1979, table 2: six targets, four judges; ICC(2,1) = .29 (table 4).
    ratings = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
    )
    both = np.stack([ratings, 1e9 + ratings, np.ones((6, 4))], axis=2)
    found = icc_2_1(both)
    assert found[:2] == pytest.approx([0.2898, 0.2898], abs=1e-4)
    assert np.isnan(found[2])


def test_calibration_when_probabilities_are_right_or_too_extreme_then_the_slope_says_so() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(-0.5, 1.2, 40_000)
    mvi = random.random(40_000) < expit(logits)
    right = calibration_line(mvi, expit(logits))
    assert (right.slope, right.intercept) == pytest.approx((1, 0), abs=0.04)
    extreme = calibration_line(mvi, expit(2 * logits))
    assert extreme.slope == pytest.approx(0.5, abs=0.02)
    low = calibration_line(mvi, expit(logits - 0.7))
    assert (low.slope, low.intercept) == pytest.approx((1, 0.7), abs=0.04)


def test_calibration_when_compared_with_scikit_learn_then_the_slope_agrees_and_separation_has_none() -> None:
    random = np.random.default_rng(0)
    logits = random.standard_normal(80)
    mvi = random.random(80) < expit(logits)
    reference = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(logits[:, None], mvi)
    assert calibration_line(mvi, expit(logits)).slope == pytest.approx(reference.coef_[0, 0], rel=1e-4)
    assert np.isnan(calibration_line(np.arange(10) > 4, np.linspace(0.1, 0.9, 10)).slope)
    assert np.isnan(calibration_line(np.ones(5, dtype=bool), np.linspace(0.1, 0.9, 5)).slope)


def test_net_benefit_when_computed_by_hand_then_agrees() -> None:
    mvi = np.array([True, True, False, False, False])
    probability = np.array([0.9, 0.3, 0.6, 0.2, 0.1])
    # At 0.25: two found, one needless at a third of their worth; at 0.5: one found, one needless at par.
    found = net_benefit(mvi, probability, np.array([0.25, 0.5]))
    assert found == pytest.approx([2 / 5 - 1 / 5 / 3, 1 / 5 - 1 / 5])
    assert net_benefit_of_all(0.4, np.array([0.25, 0.4])) == pytest.approx([0.4 - 0.6 / 3, 0.0])


def test_univariate_when_compared_with_scipy_then_agrees() -> None:
    random = np.random.default_rng(0)
    mvi = np.arange(90) < 30
    size = random.normal(50, 10, 90) + 15 * mvi
    positive = (random.random(90) < np.where(mvi, 0.7, 0.3)).astype(float)
    size[5] = np.nan
    columns = (ClinicalColumn("size_mm", "Size", "mm"), ClinicalColumn("yes", "Yes", "", is_binary=True))
    first, second = analyse_columns(columns, np.stack([size, positive], axis=1), mvi)
    known = np.isfinite(size)
    assert first.p == pytest.approx(stats.ttest_ind(size[known & mvi], size[known & ~mvi], equal_var=False).pvalue)
    assert (first.patients, first.test) == (89, "Welch's t")
    a, b = positive[mvi].sum(), positive[~mvi].sum()
    expected = stats.chi2_contingency([[a, 30 - a], [b, 60 - b]], correction=False)
    assert (second.statistic, second.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert second.effect == pytest.approx(np.corrcoef(mvi, positive)[0, 1])
    assert first.effect > 0


def test_univariate_when_a_column_says_nothing_then_has_no_p_value() -> None:
    columns = (ClinicalColumn("a", "A", ""), ClinicalColumn("b", "B", "", is_binary=True))
    rows = analyse_columns(columns, np.ones((10, 2)), np.arange(10) < 4)
    assert all(np.isnan(row.p) and np.isnan(row.p_holm) for row in rows)


def test_correction_when_computed_by_hand_then_agrees() -> None:
    p = np.array([0.01, 0.04, float("nan"), 0.03, 0.005])
    assert holm_adjusted(p)[[0, 1, 3, 4]] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert bh_adjusted(p)[[0, 1, 3, 4]] == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert bh_adjusted(p)[[0, 1, 3, 4]] == pytest.approx(stats.false_discovery_control(p[[0, 1, 3, 4]]))
    assert np.isnan(holm_adjusted(p)[2])
