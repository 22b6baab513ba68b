from dataclasses import replace

import numpy as np
import pytest

from pipeline.analysis import Classifier, RiskCategory
from pipeline.classification import CLINICAL_FEATURES, ClassificationSettings, classify
from pipeline.classification.ensemble import FittedClassifier, Head, from_tensors, to_tensors
from pipeline.classification.network import FusionNetwork, Layer
from pipeline.classification.risk import group_of, read_ensemble
from pipeline.errors import ModelBundleError
from pipeline.features import FeatureVector
from pipeline.study import Role
from pipeline.training.classifier import fit_classifier
from pipeline.training.feature_table import FeatureTable
from tests.unit.pipeline.training.cohorts import SETTINGS, TRAINING, make_table, row_of


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    return make_table(80, signal=3.0)


@pytest.fixture(scope="module")
def fitted(table: FeatureTable) -> FittedClassifier:
    return fit_classifier(table, SETTINGS, TRAINING).classifier


def head(threshold: float = 0.5) -> Head:
    return Head((), 1.0, 0.0, threshold, True)


def test_classify_when_clinical_values_are_complete_then_the_combined_classifier_answers(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, clinical = row_of(table, 0)
    result = classify(features, clinical, (), weights=to_tensors(fitted), settings=SETTINGS)
    assert result.risk.classifier is Classifier.RADIOMICS_AND_CLINICAL
    assert result.risk.missing_clinical == ()
    low, high = result.risk.interval_95
    assert 0 <= low <= result.risk.probability <= high <= 1


def test_classify_when_values_are_missing_then_the_radiomics_classifier_answers_and_names_them(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, _ = row_of(table, 0)
    result = classify(features, None, ("ast_u_per_l",), weights=to_tensors(fitted), settings=SETTINGS)
    assert result.risk.classifier is Classifier.RADIOMICS
    assert result.risk.missing_clinical == ("ast_u_per_l",)


def test_classify_when_positive_and_negative_cases_are_seen_then_the_probabilities_separate_them(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    fresh = make_table(80, signal=3.0)
    tensors = to_tensors(fitted)
    probabilities = np.array(
        [
            classify(row_of(fresh, n)[0], None, ("x",), weights=tensors, settings=SETTINGS).risk.probability
            for n in range(80)
        ]
    )
    assert probabilities[fresh.mvi].mean() > probabilities[~fresh.mvi].mean() + 0.3


def test_classify_when_the_tensors_have_travelled_then_the_answer_is_the_same_to_the_bit(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, clinical = row_of(table, 3)
    first = to_tensors(fitted)
    second = to_tensors(from_tensors(first))
    a, b = (classify(features, clinical, (), weights=tensors, settings=SETTINGS) for tensors in (first, second))
    assert a.risk == b.risk
    assert dict(a.contributions) == dict(b.contributions)


def test_classify_when_features_have_other_names_then_the_bundle_is_blamed(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, _ = row_of(table, 0)
    renamed = FeatureVector((*features.names[1:], features.names[0]), features.values)
    with pytest.raises(ModelBundleError, match="other radiomics features"):
        classify(renamed, None, ("x",), weights=to_tensors(fitted), settings=SETTINGS)


def test_classify_when_the_bundle_has_no_combined_classifier_then_it_says_so(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, clinical = row_of(table, 0)
    tensors = to_tensors(replace(fitted, combined=None))
    with pytest.raises(ModelBundleError, match="no classifier with clinical values"):
        classify(features, clinical, (), weights=tensors, settings=SETTINGS)


@pytest.mark.parametrize(
    ("clinical", "missing", "said"),
    [(None, (), "must be named"), ({"ast_u_per_l": 1.0}, (), "tumour_size_mm"), ({}, ("ggt_u_per_l",), "ggt")],
)
def test_classify_when_values_and_missing_contradict_then_it_is_refused(
    table: FeatureTable,
    fitted: FittedClassifier,
    clinical: dict[str, float] | None,
    missing: tuple[str, ...],
    said: str,
) -> None:
    with pytest.raises(ValueError, match=said):
        classify(row_of(table, 0)[0], clinical, missing, weights=to_tensors(fitted), settings=SETTINGS)


def test_contributions_when_summed_then_their_absolute_values_are_one_for_the_twelve_groups(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, clinical = row_of(table, 5)
    result = classify(features, clinical, (), weights=to_tensors(fitted), settings=SETTINGS)
    assert set(result.contributions) == {(role, region) for role in Role for region in ("tumour", "margin")}
    assert sum(abs(part) for part in result.contributions.values()) == pytest.approx(1)


def test_novelty_when_a_case_lies_far_out_then_distance_and_outside_share_rise(
    table: FeatureTable, fitted: FittedClassifier
) -> None:
    features, _ = row_of(table, 0)
    tensors = to_tensors(fitted)
    inside = classify(features, None, ("x",), weights=tensors, settings=SETTINGS)
    spread = table.values.max(axis=0) - table.values.min(axis=0)
    far = FeatureVector(features.names, table.values.max(axis=0) + 3 * spread)
    outside = classify(far, None, ("x",), weights=tensors, settings=SETTINGS)
    assert inside.outside_share == 0.0
    assert outside.outside_share == 1.0
    assert outside.mahalanobis > 3 * inside.mahalanobis


def test_interval_when_members_are_known_then_it_is_their_percentiles() -> None:
    logits = np.linspace(-1, 1, 41)
    risk = read_ensemble(logits, head(), Classifier.RADIOMICS, ("x",), ClassificationSettings())
    probabilities = 1 / (1 + np.exp(-logits))
    assert risk.interval_95 == pytest.approx((probabilities[1], probabilities[39]))
    assert risk.probability == pytest.approx(probabilities.mean())


@pytest.mark.parametrize(
    ("logits", "category"),
    [
        ([1.0, 1.5, 2.0], RiskCategory.HIGH),
        ([-2.0, -1.5, -1.0], RiskCategory.LOW),
        ([-0.5, 0.0, 0.5], RiskCategory.MODERATE),
        ([-4.0, 0.0, 4.0], RiskCategory.UNCERTAIN),
    ],
)
def test_category_when_the_interval_lies_so_then_the_level_follows(
    logits: list[float], category: RiskCategory
) -> None:
    risk = read_ensemble(np.array(logits), head(), Classifier.RADIOMICS, ("x",), ClassificationSettings())
    assert risk.category is category


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_category_when_the_threshold_divides_nothing_then_no_study_is_called_low_or_high(threshold: float) -> None:
    blunt = replace(head(), threshold=threshold)
    risk = read_ensemble(np.array([1.0, 1.5]), blunt, Classifier.RADIOMICS, ("x",), ClassificationSettings())
    assert risk.category is RiskCategory.UNCERTAIN


def test_calibration_when_applied_then_slope_and_intercept_shape_the_probability() -> None:
    shaped = Head((), 2.0, -1.0, 0.5, True)
    risk = read_ensemble(np.array([0.5, 0.5]), shaped, Classifier.RADIOMICS, ("x",), ClassificationSettings())
    assert risk.probability == pytest.approx(0.5)


def test_gradient_when_compared_with_finite_differences_then_it_is_the_same() -> None:
    random = np.random.default_rng(2)

    def layer(inputs: int, units: int) -> Layer:
        return Layer(random.standard_normal((units, inputs)), random.standard_normal(units))

    network = FusionNetwork(layer(5, 8), layer(7, 6), layer(14, 9), layer(9, 1))
    scores, clinical = random.standard_normal(5), random.standard_normal(7)
    step = 1e-6
    expected = [
        (network.logit(scores + step * unit, clinical) - network.logit(scores - step * unit, clinical))
        / (2 * step)
        for unit in np.eye(5)
    ]
    np.testing.assert_allclose(network.gradient(scores, clinical), expected, rtol=1e-5)


def test_network_when_clinical_values_are_needed_and_absent_then_it_says_so() -> None:
    layer = Layer(np.ones((1, 1)), np.zeros(1))
    with pytest.raises(ValueError, match="clinical"):
        FusionNetwork(layer, layer, layer, layer).logit(np.ones(1), None)


def test_group_when_a_role_contains_an_underscore_then_role_and_region_are_told_apart() -> None:
    assert group_of("T1_PRE_margin_original_shape_Sphericity") == (Role.T1_PRE, "margin")
    assert group_of("T2_tumour_wavelet-LLH_glcm_Contrast") == (Role.T2, "tumour")
    with pytest.raises(ValueError, match="no sequence"):
        group_of("PET_tumour_x")


def test_clinical_features_when_listed_then_they_are_the_seven_of_the_paper() -> None:
    assert len(CLINICAL_FEATURES) == 7
    assert CLINICAL_FEATURES[0] == "tumour_size_mm"
