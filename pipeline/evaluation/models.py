"""The classifiers that are compared: each candidate maps scores and clinical values to a logit."""

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from pipeline.classification.network import FusionNetwork
from pipeline.evaluation.cohort import BoolArray
from pipeline.evaluation.settings import EvaluationSettings, Model
from pipeline.geometry import FloatArray
from pipeline.training.classifier_network import fit_network

Inputs = tuple[FloatArray | None, FloatArray | None]
"""(patients, scores) and (patients, clinical values); one of them may be absent."""
Scorer = Callable[[Inputs], FloatArray]
"""Gives the logit of each patient."""


def candidates(
    model: Model, inputs: Inputs, mvi: BoolArray, settings: EvaluationSettings, seed: int
) -> Iterator[tuple[str, Scorer]]:
    """Fit one classifier after another, each under the name of its hyper-parameter.

    Parameters
    ----------
    model
        What kind.
    inputs, mvi
        Of the training part.
    settings
        Candidates and optimisation.
    seed
        Of start, batches and dropout.
    """
    if model is Model.NETWORK:
        for epochs in settings.epochs:
            yield f"{epochs} epochs", _network(inputs, mvi, settings, epochs, seed)
        return
    mean, scale = _moments(_joined(inputs))
    values = (_joined(inputs) - mean) / scale
    if model is Model.LOGISTIC:
        for penalty in settings.penalties:
            yield (
                f"C = {penalty:g}",
                _sklearn(LogisticRegression(C=penalty, max_iter=1000), values, mvi, mean, scale),
            )
        return
    for trees in settings.trees:
        boosting = GradientBoostingClassifier(
            n_estimators=trees, max_depth=2, learning_rate=0.1, subsample=0.8, random_state=seed
        )
        yield f"{trees} trees", _sklearn(boosting, values, mvi, mean, scale)


def _network(inputs: Inputs, mvi: BoolArray, settings: EvaluationSettings, epochs: int, seed: int) -> Scorer:
    first, second = inputs
    widths = settings.network
    if first is None:
        # Clinical values alone: the same two layers, with the clinical branch as the only one.
        first, second = second, None
        widths = widths.model_copy(update={"radiomics_width": widths.clinical_width})
    assert first is not None  # noqa: S101 - a setting has one of both
    network = fit_network(
        first,
        second,
        mvi,
        settings=widths.model_copy(update={"components": first.shape[1]}),
        training=settings.training.model_copy(update={"epochs": epochs}),
        seed=seed,
    )
    return lambda given: _logits(network, given)


def _logits(network: FusionNetwork, inputs: Inputs) -> FloatArray:
    first, second = inputs
    if first is None:
        first, second = second, None
    return network.logits(np.asarray(first), second)


def _sklearn(
    model: LogisticRegression | GradientBoostingClassifier,
    values: FloatArray,
    mvi: BoolArray,
    mean: FloatArray,
    scale: FloatArray,
) -> Scorer:
    model.fit(values, mvi)
    return lambda given: np.asarray(model.decision_function((_joined(given) - mean) / scale), dtype=np.float64)


def _joined(inputs: Inputs) -> FloatArray:
    return np.concatenate([part for part in inputs if part is not None], axis=1)


def _moments(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = values.std(axis=0)
    return values.mean(axis=0), np.where(scale > 0, scale, 1.0)
