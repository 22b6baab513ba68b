"""Calibration, threshold, and the reading of several members."""

import numpy as np
import pytest

from pipeline.training.calibration import calibrate, calibration_error, cross_calibrated, read, youden_threshold


def test_threshold_when_the_classes_separate_then_it_lies_halfway_between_them() -> None:
    probabilities = np.array([0.1, 0.2, 0.6, 0.9])
    assert youden_threshold(probabilities, np.array([0, 0, 1, 1], bool)) == pytest.approx(0.4)


def test_threshold_when_one_positive_ranks_low_then_the_better_cut_is_chosen() -> None:
    probabilities = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    mvi = np.array([0, 1, 0, 0, 1, 1], bool)
    assert youden_threshold(probabilities, mvi) == pytest.approx(0.45)


def test_calibration_when_logits_are_overconfident_then_the_slope_shrinks_them() -> None:
    random = np.random.default_rng(0)
    true_logits = random.standard_normal(4000)
    mvi = random.random(4000) < 1 / (1 + np.exp(-true_logits))
    slope, intercept, calibrated = calibrate(4 * true_logits + 2, mvi)
    assert calibrated
    assert slope == pytest.approx(0.25, abs=0.03)
    assert intercept == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("turned", [True, False])
def test_calibration_when_it_makes_no_sense_then_it_is_not_claimed(turned: bool) -> None:
    count = 60 if turned else 6
    logits = np.linspace(-2, 2, count)
    mvi = logits < 0 if turned else logits > 0
    assert calibrate(logits, mvi) == (1.0, 0.0, False)


def test_calibration_error_is_the_distance_of_predicted_and_observed_frequency() -> None:
    mvi = np.array([0, 1] * 50, bool)
    assert calibration_error(np.full(100, 0.5), mvi) == pytest.approx(0.0)
    assert calibration_error(np.full(100, 0.8), mvi) == pytest.approx(0.3)


def test_cross_calibration_of_a_fold_does_not_see_its_outcomes() -> None:
    random = np.random.default_rng(0)
    logits, fold = random.standard_normal((200, 3)), np.arange(200) % 4
    mvi = random.random(200) < 1 / (1 + np.exp(-logits[:, 0]))
    before = cross_calibrated(logits, mvi, fold)
    turned = np.where(fold == 1, ~mvi, mvi)
    after = cross_calibrated(logits, turned, fold)
    np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
    assert not np.array_equal(before[fold == 2], after[fold == 2])


def test_reading_is_the_mean_of_the_probabilities_and_not_the_probability_of_the_mean() -> None:
    logits = np.array([[0.0, 0.0], [np.log(9), -np.log(9)], [np.log(3), np.log(9)]])
    np.testing.assert_allclose(read(logits, 1.0, 0.0), [0.5, 0.5, (0.75 + 0.9) / 2])
    np.testing.assert_allclose(read(logits, 2.0, 1.0)[0], 1 / (1 + np.exp(-1)))
