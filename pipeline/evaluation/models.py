"""The classifiers that are compared: each candidate maps scores and clinical values to a logit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from pipeline.evaluation.convolution import (
    ConvolutionalNetwork,
    Pictures,
    convolution_logits,
    fit_convolution,
)
from pipeline.evaluation.parts import BoolArray
from pipeline.evaluation.settings import EvaluationSettings, Model
from pipeline.geometry import FloatArray
from pipeline.training.classifier_network import fit_network

Known = TypeVar("Known")


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is known of some patients; a setting has one of these at least.

    Parameters
    ----------
    scores
        (patients, scores) of the radiomics.
    clinical
        (patients, clinical values).
    pictures
        (patients, channels, [k,] j, i), in the place of both.
    """

    scores: FloatArray | None = None
    clinical: FloatArray | None = None
    pictures: Pictures | None = None

    @property
    def branches(self) -> tuple[FloatArray, FloatArray | None]:
        """Return what the first and the second branch of a network get; one alone is the first."""
        if self.scores is not None:
            return self.scores, self.clinical
        return self._require(self.clinical), None

    @property
    def joined(self) -> FloatArray:
        """Return scores and clinical values side by side."""
        return np.concatenate([part for part in (self.scores, self.clinical) if part is not None], axis=1)

    @property
    def looked_at(self) -> Pictures:
        """Return the pictures."""
        return self._require(self.pictures)

    @staticmethod
    def _require(part: Known | None) -> Known:
        if part is None:
            raise ValueError("a setting without anything to fit to")
        return part


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
    if model is Model.CONVOLUTION:
        for epochs, looker in fit_convolution(inputs.looked_at, mvi, settings.convolution, seed):
            yield f"{epochs} epochs", partial(_look, looker)
        return
    mean, scale = _moments(inputs.joined)
    values = (inputs.joined - mean) / scale
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
    first, second = inputs.branches
    # Clinical values alone: the same two layers, with the clinical branch as the only one.
    alone = {} if inputs.scores is not None else {"radiomics_width": settings.network.clinical_width}
    network = fit_network(
        first,
        second,
        mvi,
        settings=settings.network.model_copy(update={**alone, "components": first.shape[1]}),
        training=settings.training.model_copy(update={"epochs": epochs}),
        seed=seed,
    )
    return lambda given: network.logits(*given.branches)


def _look(network: ConvolutionalNetwork, inputs: Inputs) -> FloatArray:
    return convolution_logits(network, inputs.looked_at)


def _sklearn(
    model: LogisticRegression | GradientBoostingClassifier,
    values: FloatArray,
    mvi: BoolArray,
    mean: FloatArray,
    scale: FloatArray,
) -> Scorer:
    model.fit(values, mvi)
    return lambda given: np.asarray(model.decision_function((given.joined - mean) / scale), dtype=np.float64)


def _moments(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = values.std(axis=0)
    return values.mean(axis=0), np.where(scale > 0, scale, 1.0)
