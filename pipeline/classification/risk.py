"""From features and clinical values to a risk with its spread and its reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.analysis import Classifier, Risk, RiskCategory
from pipeline.classification.ensemble import (
    CLINICAL_FEATURES,
    FittedClassifier,
    Head,
    Tensors,
    digest_of_names,
    from_tensors,
)
from pipeline.classification.settings import ClassificationSettings
from pipeline.errors import ModelBundleError
from pipeline.features import FeatureVector
from pipeline.study import Role

FloatArray = npt.NDArray[np.float64]
INTERVAL_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Classification:
    """A risk, why, and how far the case lies from the training cases.

    Parameters
    ----------
    risk
        Probability, interval, category.
    contributions
        By (role, region): signed share of the radiomics in the logit; the absolute values add up to 1. Gradient
        times standardised feature, summed over the features of the group and averaged over the ensemble: the
        linear part of the network around this case.
    mahalanobis
        Mean over the members of the distance from their training cases in the reduced space.
    outside_share
        Share of features outside the range of the training cases.
    """

    risk: Risk
    contributions: Mapping[tuple[Role, str], float]
    mahalanobis: float
    outside_share: float


def classify(
    features: FeatureVector,
    clinical: Mapping[str, float] | None,
    missing: Sequence[str],
    *,
    weights: Tensors,
    settings: ClassificationSettings,
) -> Classification:
    """Predict microvascular invasion.

    Parameters
    ----------
    features
        The radiomics features in the order of training.
    clinical
        All seven values of `CLINICAL_FEATURES` by name, or None.
    missing
        The names that were absent; not empty exactly where `clinical` is None.
    weights
        Tensors of the classifier of a bundle.
    settings
        Reading of the ensemble.

    Returns
    -------
    Classification
        By the combined classifier where `clinical` is complete, by the radiomics classifier otherwise.

    Raises
    ------
    ValueError
        `clinical` and `missing` contradict each other.
    ModelBundleError
        The bundle was trained on other features, or lacks a classifier.
    """
    fitted = from_tensors(weights)
    if fitted.names_sha256 != digest_of_names(features.names):
        raise ModelBundleError(
            "the model was trained on other radiomics features; use a bundle made for this software"
        )
    values = _clinical_input(clinical, missing)
    head = fitted.radiomics if values is None else fitted.combined
    if head is None:
        raise ModelBundleError("the model has no classifier with clinical values; analyse without them")
    scores = [reduction.scores(features.values) for reduction in fitted.reductions]
    logits = [network.logit(score, values) for network, score in zip(head.networks, scores, strict=True)]
    kind = Classifier.RADIOMICS if values is None else Classifier.RADIOMICS_AND_CLINICAL
    outside = (features.values < fitted.feature_minimum) | (features.values > fitted.feature_maximum)
    return Classification(
        read_ensemble(np.array(logits), head, kind, missing, settings),
        _contributions(features, scores, values, head, fitted),
        float(np.mean([reduction.distance(features.values) for reduction in fitted.reductions])),
        float(outside.mean()),
    )


def read_ensemble(
    logits: FloatArray, head: Head, kind: Classifier, missing: Sequence[str], settings: ClassificationSettings
) -> Risk:
    """Turn the logits of the members into one risk.

    The probability is the mean of the members' calibrated probabilities, over all folds of all splits of the
    training cases, the interval their percentiles. The risk is high where the whole interval lies above the
    threshold, low where it lies below, moderate where the members disagree about the side, and uncertain where the
    interval is wider than the settings allow, or where the training found no threshold that divides its cases.
    """
    probabilities = 1 / (1 + np.exp(-(head.slope * logits + head.intercept)))
    low, high = (float(bound) for bound in np.percentile(probabilities, INTERVAL_PERCENTILES))
    if high - low > settings.widest_interval or not 0 < head.threshold < 1:
        category = RiskCategory.UNCERTAIN
    elif low > head.threshold:
        category = RiskCategory.HIGH
    elif high < head.threshold:
        category = RiskCategory.LOW
    else:
        category = RiskCategory.MODERATE
    return Risk(
        float(probabilities.mean()),
        (low, high),
        category,
        head.threshold,
        head.calibrated,
        kind,
        tuple(missing),
    )


def _clinical_input(clinical: Mapping[str, float] | None, missing: Sequence[str]) -> FloatArray | None:
    if clinical is None:
        if not missing:
            raise ValueError("without clinical values the missing ones must be named")
        return None
    absent = [name for name in CLINICAL_FEATURES if name not in clinical]
    if missing or absent:
        raise ValueError(f"clinical values are complete or None; missing: {', '.join([*absent, *missing])}")
    return np.array([clinical[name] for name in CLINICAL_FEATURES], dtype=np.float64)


def _contributions(
    features: FeatureVector,
    scores: Sequence[FloatArray],
    clinical: FloatArray | None,
    head: Head,
    fitted: FittedClassifier,
) -> dict[tuple[Role, str], float]:
    attribution = np.zeros(len(features.names))
    for network, reduction, score in zip(head.networks, fitted.reductions, scores, strict=True):
        by_feature = network.gradient(score, clinical) @ reduction.components.astype(np.float64)
        attribution += by_feature * reduction.standardise(features.values)
    totals: dict[tuple[Role, str], float] = {}
    for name, part in zip(features.names, attribution, strict=True):
        group = group_of(name)
        totals[group] = totals.get(group, 0.0) + float(part)
    whole = sum(abs(total) for total in totals.values())
    return {group: total / whole if whole else 0.0 for group, total in totals.items()}


def group_of(feature_name: str) -> tuple[Role, str]:
    """Read role and region from the name of a feature, for example ``T1_PRE_margin_original_shape_Sphericity``.

    Raises
    ------
    ValueError
        The name begins with no role.
    """
    for role in Role:
        if feature_name.startswith(f"{role.value}_"):
            return role, feature_name.removeprefix(f"{role.value}_").split("_", 1)[0]
    raise ValueError(f"feature {feature_name} belongs to no sequence")
