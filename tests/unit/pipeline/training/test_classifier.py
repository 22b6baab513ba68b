from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from pipeline.training.classifier import (
    calibrate,
    calibration_error,
    cross_calibrated,
    fit_classifier,
    fit_reduction,
    youden_threshold,
)
from pipeline.training.errors import TrainingError
from tests.unit.pipeline.training.cohorts import SETTINGS, TRAINING, make_table


def test_fit_when_a_signal_is_planted_then_left_out_cases_are_ranked_by_it() -> None:
    fit = fit_classifier(make_table(signal=3.0), SETTINGS, TRAINING)
    assert fit.radiomics.auc > 0.9
    assert fit.radiomics.cases == 100
    assert fit.radiomics.positive == 40
    assert fit.radiomics.sensitivity + fit.radiomics.specificity > 1.6
    assert fit.radiomics.brier < 0.15


def test_fit_when_the_outcome_is_shuffled_then_left_out_cases_are_not_ranked() -> None:
    table = make_table(150, signal=3.0)
    aucs = []
    for seed in range(2):
        shuffled = replace(table, mvi=np.random.default_rng(seed).permutation(table.mvi))
        aucs.append(fit_classifier(shuffled, SETTINGS, TRAINING).radiomics.auc)
    assert 0.38 < np.mean(aucs) < 0.62


def test_fit_when_only_the_clinical_values_tell_then_only_the_combined_classifier_knows() -> None:
    fit = fit_classifier(make_table(clinical_signal=3.0), SETTINGS, TRAINING)
    assert fit.combined is not None
    assert fit.combined.auc > 0.85
    assert fit.radiomics.auc < 0.7


def test_fit_when_repeated_then_it_is_the_same_and_another_seed_is_another() -> None:
    table = make_table(60, signal=1.0)
    first, second = (fit_classifier(table, SETTINGS, TRAINING) for _ in range(2))
    other = fit_classifier(table, SETTINGS, TRAINING.model_copy(update={"seed": 2}))
    assert first.radiomics == second.radiomics
    assert first.radiomics != other.radiomics


def test_fit_when_no_case_has_all_clinical_values_then_there_is_no_combined_classifier() -> None:
    table = make_table(60)
    clinical = table.clinical.copy()
    clinical[:, 3] = np.nan
    fit = fit_classifier(replace(table, clinical=clinical), SETTINGS, TRAINING)
    assert fit.classifier.combined is None
    assert fit.combined is None


def test_fit_when_some_cases_lack_clinical_values_then_the_combined_classifier_is_measured_on_the_others() -> None:
    table = make_table(100)
    clinical = table.clinical.copy()
    clinical[::4, 0] = np.nan
    fit = fit_classifier(replace(table, clinical=clinical), SETTINGS, TRAINING)
    assert fit.combined is not None
    assert fit.combined.cases == 75
    assert fit.radiomics.cases == 100


def test_fit_when_cases_are_too_few_then_it_says_so() -> None:
    with pytest.raises(TrainingError, match=r"6 cases, 3 with invasion.*add cases"):
        fit_classifier(make_table(6), SETTINGS, TRAINING)


def test_fit_when_a_case_is_left_out_then_its_member_does_not_depend_on_it() -> None:
    table = make_table(60, signal=1.0)
    member = fit_classifier(table, SETTINGS, TRAINING).classifier
    changed = table.values.copy()
    from pipeline.training.classifier import _folds  # noqa: PLC0415 - the split is what is under test

    left_out = _folds(table, SETTINGS, TRAINING)[0][1]
    changed[left_out] *= 1.5
    again = fit_classifier(replace(table, values=changed), SETTINGS, TRAINING).classifier
    np.testing.assert_array_equal(member.reductions[0].components, again.reductions[0].components)
    np.testing.assert_array_equal(
        member.radiomics.networks[0].joint.weight, again.radiomics.networks[0].joint.weight
    )
    assert not np.array_equal(member.reductions[1].components, again.reductions[1].components)


def test_reduction_when_compared_with_sklearn_then_the_scores_are_equal() -> None:
    table = make_table(50)
    values = table.values.copy()
    values[:, 7] = 3.0  # A constant feature.
    ours = fit_reduction(values[:40], 5)
    scaler = StandardScaler().fit(values[:40])
    theirs = PCA(5, svd_solver="full").fit(scaler.transform(values[:40]))
    assert ours.scale[7] == 1.0
    expected = theirs.transform(scaler.transform(values[40:]))
    # Half precision of the components: 2**-11 relative, over 120 features.
    np.testing.assert_allclose(ours.scores(values[40:]), expected, atol=2e-2, rtol=2e-3)


def test_distance_when_of_the_training_part_then_its_mean_square_is_the_number_of_components() -> None:
    table = make_table(50)
    distance = fit_reduction(table.values, 5).distance(table.values)
    assert np.mean(distance**2) == pytest.approx(5 * 49 / 50, rel=5e-3)


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
    logits, fold = random.standard_normal(200), np.arange(200) % 4
    mvi = random.random(200) < 1 / (1 + np.exp(-logits))
    before = cross_calibrated(logits, mvi, fold)
    turned = np.where(fold == 1, ~mvi, mvi)
    after = cross_calibrated(logits, turned, fold)
    np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
    assert not np.array_equal(before[fold == 2], after[fold == 2])
