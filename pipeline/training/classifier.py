"""Fit reduction, ensemble, calibration and threshold; every number measured on cases left out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from pipeline.classification.ensemble import FittedClassifier, Head, digest_of_names
from pipeline.classification.network import FusionNetwork
from pipeline.classification.reduction import Reduction
from pipeline.classification.settings import ClassificationSettings
from pipeline.training.calibration import calibrate, calibration_error, cross_calibrated, read, youden_threshold
from pipeline.training.classifier_network import fit_network
from pipeline.training.errors import TrainingError
from pipeline.training.feature_table import FeatureTable
from pipeline.training.settings import ClassifierTrainingSettings

FloatArray = npt.NDArray[np.float64]
Folds = list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]

SPLIT_SEED_STEP = 1000
"""Between the splits of one classifier: fits with neighbouring seeds share none."""


@dataclass(frozen=True)
class HeldOut:
    """How one classifier did on its cases, each judged by the members that had not seen it, one of each split."""

    cases: int
    positive: int
    auc: float
    sensitivity: float
    specificity: float
    brier: float
    calibration_error: float
    """Expected calibration error, with the sigmoid of each fold fitted on the other folds."""


@dataclass(frozen=True, eq=False)
class ClassifierFit:
    """The classifier, and what was measured of it."""

    classifier: FittedClassifier
    radiomics: HeldOut
    combined: HeldOut | None
    mahalanobis_99: float
    """99th percentile of the distance of left-out cases from the training part of their member."""
    outside_share_99: float
    """99th percentile of the share of features of left-out cases outside the range of the training part."""


def fit_classifier(
    table: FeatureTable, settings: ClassificationSettings, training: ClassifierTrainingSettings
) -> ClassifierFit:
    """Fit everything that the classification needs.

    The cases are split into stratified folds several times. Each member leaves out one fold of one split and fits
    its own scaler, principal components and networks on the rest, so that each case is left out by one member of
    each split. What these say of it fits the calibration (Platt [1]_, to the mean of their logits) and chooses the
    threshold (Youden [2]_, on the mean of their probabilities, as a study is read).

    Parameters
    ----------
    table
        Features and outcome.
    settings, training
        Widths; optimisation.

    Raises
    ------
    TrainingError
        There are too few cases.

    References
    ----------
    .. [1] Platt, Advances in Large Margin Classifiers, 1999.
    .. [2] Youden, Cancer 3(1), 1950. doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3
    """
    folds = _folds(table, settings, training)
    reductions = tuple(fit_reduction(table.values[train], settings.components) for train, _ in folds)
    scores = [reduction.scores(table.values) for reduction in reductions]
    radiomics, radiomics_held_out = _fit_head(table, scores, folds, settings, training, with_clinical=False)
    combined: Head | None = None
    combined_held_out: HeldOut | None = None
    if _enough_complete(table, folds):
        combined, combined_held_out = _fit_head(table, scores, folds, settings, training, with_clinical=True)
    distances = [
        reduction.distance(table.values[test]) for reduction, (_, test) in zip(reductions, folds, strict=True)
    ]
    shares = [_outside_share(table.values[train], table.values[test]) for train, test in folds]
    fitted = FittedClassifier(
        digest_of_names(table.names),
        reductions,
        combined,
        radiomics,
        table.values.min(axis=0),
        table.values.max(axis=0),
    )
    return ClassifierFit(
        fitted,
        radiomics_held_out,
        combined_held_out,
        float(np.percentile(np.concatenate(distances), 99)),
        float(np.percentile(np.concatenate(shares), 99)),
    )


def fit_reduction(values: FloatArray, components: int) -> Reduction:
    """Fit standardisation and principal components to (cases, features); constant features keep the scale 1.

    The components are rounded to half precision, as they are stored, so that the networks are fitted to the very
    scores that they will see.
    """
    scaler = StandardScaler().fit(values)
    analysis = PCA(components, svd_solver="full").fit(scaler.transform(values))
    rows = analysis.components_.astype(np.float16)
    return Reduction(scaler.mean_, scaler.scale_, rows, analysis.explained_variance_)


def _outside_share(train: FloatArray, test: FloatArray) -> FloatArray:
    outside = (test < train.min(axis=0)) | (test > train.max(axis=0))
    shares: FloatArray = outside.mean(axis=1)
    return shares


def _folds(table: FeatureTable, settings: ClassificationSettings, training: ClassifierTrainingSettings) -> Folds:
    """Return (training part, left-out fold) of every member, split after split."""
    smallest = int(min(table.mvi.sum(), (~table.mvi).sum()))
    trained_on = len(table.mvi) - -(-len(table.mvi) // training.members)
    if smallest < training.members or trained_on <= settings.components:
        raise TrainingError(
            f"{len(table.mvi)} cases, {int(table.mvi.sum())} with invasion, are too few for "
            f"{training.members} folds and {settings.components} components; add cases"
        )
    folds: Folds = []
    for n in range(training.splits):
        seed = training.seed + SPLIT_SEED_STEP * n
        splitter = StratifiedKFold(training.members, shuffle=True, random_state=seed)
        folds += splitter.split(table.values, table.mvi)
    return folds


def _enough_complete(table: FeatureTable, folds: Folds) -> bool:
    complete = table.complete
    outcomes = [table.mvi[part][complete[part]] for fold in folds for part in fold]
    return all(0 < outcome.sum() < len(outcome) for outcome in outcomes)


def _fit_head(
    table: FeatureTable,
    scores: list[FloatArray],
    folds: Folds,
    settings: ClassificationSettings,
    training: ClassifierTrainingSettings,
    *,
    with_clinical: bool,
) -> tuple[Head, HeldOut]:
    usable = table.complete if with_clinical else np.ones(len(table.mvi), dtype=bool)
    logits = np.full((len(table.mvi), training.splits), np.nan)
    fold = np.zeros_like(logits, dtype=np.intp)
    networks: list[FusionNetwork] = []
    for n, (train, test) in enumerate(folds):
        rows = train[usable[train]]
        clinical = table.clinical if with_clinical else None
        network = fit_network(
            scores[n][rows],
            None if clinical is None else clinical[rows],
            table.mvi[rows],
            settings=settings,
            training=training,
            seed=training.seed + n,
        )
        networks.append(network)
        split = n // training.members
        fold[test, split] = n
        for row in test[usable[test]]:
            logits[row, split] = network.logit(scores[n][row], None if clinical is None else clinical[row])
    if not np.isfinite(logits[usable]).all():
        raise TrainingError("the fit of the classifier diverged; give [classifier] a lower learning_rate")
    # Outcomes that a sigmoid must not see are those of the same fold: any one split will do.
    return _judged(tuple(networks), logits[usable], table.mvi[usable], fold[usable, 0])


def _judged(
    networks: tuple[FusionNetwork, ...],
    logits: FloatArray,
    mvi: npt.NDArray[np.bool_],
    fold: npt.NDArray[np.intp],
) -> tuple[Head, HeldOut]:
    slope, intercept, calibrated = calibrate(logits.mean(axis=1), mvi)
    probabilities = read(logits, slope, intercept)
    threshold = youden_threshold(probabilities, mvi)
    positive = probabilities > threshold
    unseen = cross_calibrated(logits, mvi, fold)
    held_out = HeldOut(
        len(mvi),
        int(mvi.sum()),
        float(roc_auc_score(mvi, probabilities)),
        float(positive[mvi].mean()),
        float(1 - positive[~mvi].mean()),
        float(np.mean((unseen - mvi) ** 2)),
        calibration_error(unseen, mvi),
    )
    return Head(networks, slope, intercept, threshold, calibrated), held_out
