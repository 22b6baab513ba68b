from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from pipeline.classification.network import FusionNetwork
from pipeline.training.classifier import fit_classifier, fit_reduction
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


def test_fit_when_the_cases_are_split_anew_then_each_is_left_out_once_a_split_and_the_ensemble_holds_all() -> None:
    from pipeline.training.classifier import _folds  # noqa: PLC0415 - the splits are what is under test

    table, twice = make_table(60, signal=1.0), TRAINING.model_copy(update={"splits": 2})
    first, second = (_folds(table, SETTINGS, twice)[part] for part in (slice(0, 3), slice(3, 6)))
    for split in (first, second):
        np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in split])), np.arange(60))
    assert {frozenset(test.tolist()) for _, test in first}.isdisjoint(
        frozenset(test.tolist()) for _, test in second
    )
    once, both = (fit_classifier(table, SETTINGS, training) for training in (TRAINING, twice))
    assert (len(once.classifier.reductions), len(both.classifier.reductions)) == (3, 6)
    assert len(both.classifier.radiomics.networks) == 6
    # The first split is the one that stood alone; the second changes what is read.
    np.testing.assert_array_equal(
        once.classifier.reductions[2].components, both.classifier.reductions[2].components
    )
    assert (both.radiomics.cases, both.radiomics.positive) == (60, 24)
    assert both.radiomics != once.radiomics


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


def test_fit_when_it_diverges_then_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FusionNetwork, "logit", lambda *_: float("nan"))
    with pytest.raises(TrainingError, match=r"diverged; give .classifier. a lower learning_rate"):
        fit_classifier(make_table(60), SETTINGS, TRAINING)
