"""The two-layer network of the paper while it is fitted: batch normalisation, dropout, and their folding away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.classification.network import FusionNetwork, Layer
from pipeline.classification.settings import ClassificationSettings
from pipeline.training.settings import ClassifierTrainingSettings

FloatArray = npt.NDArray[np.float64]


class Trainee(nn.Module):
    """Branches of h1 and h2 units that meet in h3 units; each with batch normalisation, ReLU and dropout.

    Parameters
    ----------
    settings
        Widths.
    dropout
        Probability.
    clinical_inputs
        Number of clinical values; 0 makes the radiomics-only twin.
    """

    def __init__(self, settings: ClassificationSettings, dropout: float, clinical_inputs: int) -> None:
        super().__init__()
        joined = settings.radiomics_width + (settings.clinical_width if clinical_inputs else 0)
        self.radiomics = _hidden(settings.components, settings.radiomics_width, dropout)
        self.clinical = _hidden(clinical_inputs, settings.clinical_width, dropout) if clinical_inputs else None
        self.joint = _hidden(joined, settings.joint_width, dropout)
        self.output = nn.Linear(settings.joint_width, 1)

    def forward(self, scores: Tensor, clinical: Tensor) -> Tensor:
        """Map (n, scores) and (n, clinical values), both standardised, to logits (n,)."""
        first = self.radiomics(scores)
        if self.clinical is not None:
            first = torch.cat([first, self.clinical(clinical)], dim=1)
        return cast(Tensor, self.output(self.joint(first)).squeeze(1))


def fit_network(
    scores: FloatArray,
    clinical: FloatArray | None,
    mvi: npt.NDArray[np.bool_],
    *,
    settings: ClassificationSettings,
    training: ClassifierTrainingSettings,
    seed: int,
) -> FusionNetwork:
    """Fit one member.

    Parameters
    ----------
    scores
        (n, scores) of the training part.
    clinical
        (n, clinical values) in their units, or None for the radiomics-only twin.
    mvi
        (n,).
    settings, training
        Widths; optimisation.
    seed
        Of start, batches and dropout.

    Returns
    -------
    FusionNetwork
        Takes scores and clinical values as they are: standardisation and batch normalisation are folded in.
    """
    scores_mean, scores_scale = _moments(scores)
    clinical_mean, clinical_scale = _moments(np.zeros((1, 0)) if clinical is None else clinical)
    inputs = torch.from_numpy(((scores - scores_mean) / scores_scale).astype(np.float32))
    extra = np.zeros((len(mvi), 0)) if clinical is None else (clinical - clinical_mean) / clinical_scale
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        trainee = Trainee(settings, training.dropout, extra.shape[1])
        _optimise(trainee, inputs, torch.from_numpy(extra.astype(np.float32)), torch.from_numpy(mvi), training)
    return FusionNetwork(
        _standardised(_folded(trainee.radiomics), scores_mean, scores_scale),
        None
        if trainee.clinical is None
        else _standardised(_folded(trainee.clinical), clinical_mean, clinical_scale),
        _folded(trainee.joint),
        _layer(trainee.output.weight, trainee.output.bias),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrices this small are slower on several threads, and far slower where other processes compete."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _hidden(inputs: int, units: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU(), nn.Dropout(dropout))


def _optimise(
    trainee: Trainee, scores: Tensor, clinical: Tensor, mvi: Tensor, training: ClassifierTrainingSettings
) -> None:
    optimiser = torch.optim.AdamW(trainee.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    truth = mvi.float()
    for _ in range(training.epochs):
        for batch in torch.split(torch.randperm(len(truth)), training.batch):
            if len(batch) < 2:  # Batch normalisation needs a spread.
                continue
            loss = functional.binary_cross_entropy_with_logits(
                trainee(scores[batch], clinical[batch]), truth[batch]
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
            optimiser.step()


def _moments(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = values.std(axis=0)
    return values.mean(axis=0), np.where(scale > 0, scale, 1.0)


def _folded(block: nn.Module) -> Layer:
    """Fold the batch normalisation of a hidden block into its affine layer."""
    linear, norm = cast(nn.Linear, block[0]), cast(nn.BatchNorm1d, block[1])  # type: ignore[index]  # Sequential
    running = (norm.running_mean, norm.running_var)
    mean, variance = (_array(cast(Tensor, tensor)) for tensor in running)
    gain = _array(norm.weight) / np.sqrt(variance + norm.eps)
    plain = _layer(linear.weight, linear.bias)
    return Layer(plain.weight * gain[:, None], (plain.bias - mean) * gain + _array(norm.bias))


def _standardised(layer: Layer, mean: FloatArray, scale: FloatArray) -> Layer:
    """Fold (x - mean) / scale into the layer that follows it."""
    weight = layer.weight / scale
    return Layer(weight, layer.bias - weight @ mean)


def _layer(weight: Tensor, bias: Tensor) -> Layer:
    return Layer(_array(weight), _array(bias))


def _array(tensor: Tensor) -> FloatArray:
    return tensor.detach().numpy().astype(np.float64)
