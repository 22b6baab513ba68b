"""End-to-end networks, after Wu et al.: from pictures of the six sequences to the outcome, without radiomics.

Small, as a few hundred patients allow no more: four blocks of convolution, batch normalisation, ReLU and pooling
(the first halves by its stride), the mean over what is left, and one linear layer.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.geometry import FloatArray
from pipeline.training.classifier_network import one_thread

Pictures = npt.NDArray[np.float32]
PREDICTED_AT_ONCE = 16


@dataclass(frozen=True)
class ConvolutionSettings:
    """Size and optimisation.

    Parameters
    ----------
    widths
        Channels of each block.
    epochs
        Candidates, of one fit that goes on; the validation part chooses.
    batch, learning_rate, weight_decay, dropout
        Of AdamW.
    brightness
        Largest random change of the contrast of a sequence, as a share.
    """

    widths: tuple[int, ...] = (8, 16, 32, 64)
    epochs: tuple[int, ...] = (10, 20, 40)
    batch: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    brightness: float = 0.1


class ConvolutionalNetwork(nn.Module):
    """Maps (n, channels, j, i) or (n, channels, k, j, i) to logits (n,).

    Parameters
    ----------
    dimensions
        2 or 3.
    channels
        Sequences.
    settings
        Widths and dropout.
    """

    def __init__(self, dimensions: int, channels: int, settings: ConvolutionSettings) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                _block(dimensions, inputs, outputs, is_first=n == 0)
                for n, (inputs, outputs) in enumerate(pairwise((channels, *settings.widths)))
            )
        )
        self.output = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(settings.widths[-1], 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return a logit for each picture."""
        found: Tensor = self.blocks(pictures)
        return cast(Tensor, self.output(found.flatten(2).mean(dim=2)).squeeze(1))


def fit_convolution(
    pictures: Pictures, mvi: npt.NDArray[np.bool_], settings: ConvolutionSettings, seed: int
) -> Iterator[tuple[int, ConvolutionalNetwork]]:
    """Fit one network, and give what it is after each number of epochs.

    Parameters
    ----------
    pictures
        (n, channels, [k,] j, i), 0 to 1, of the training part.
    mvi
        (n,).
    settings
        Size and optimisation.
    seed
        Of start, batches, augmentation and dropout.
    """
    inputs, truth = torch.from_numpy(pictures), torch.from_numpy(mvi).float()
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        network = ConvolutionalNetwork(pictures.ndim - 2, pictures.shape[1], settings)
        optimiser = torch.optim.AdamW(
            network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        fitted = []
        for epoch in range(1, max(settings.epochs) + 1):
            network.train()
            for batch in torch.split(torch.randperm(len(truth)), settings.batch):
                if len(batch) < 2:  # Batch normalisation needs a spread.
                    continue
                logits = network(_augmented(inputs[batch], settings.brightness))
                loss = functional.binary_cross_entropy_with_logits(logits, truth[batch])
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
                optimiser.step()
            if epoch in settings.epochs:
                fitted.append((epoch, deepcopy(network).eval()))
    yield from fitted


def convolution_logits(network: ConvolutionalNetwork, pictures: Pictures) -> FloatArray:
    """Return the logit of each of (n, channels, [k,] j, i) pictures; (n,)."""
    with torch.no_grad(), one_thread():
        parts = [network(batch) for batch in torch.split(torch.from_numpy(pictures), PREDICTED_AT_ONCE)]
    return torch.cat(parts).numpy().astype(np.float64)


def _block(dimensions: int, inputs: int, outputs: int, *, is_first: bool) -> nn.Sequential:
    convolution, norm, pool = (
        (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d) if dimensions == 2 else (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d)
    )
    # The first block halves by its stride: most of the time would be spent on the finest pictures.
    step = 2 if is_first else 1
    layers = (convolution(inputs, outputs, 3, step, 1, bias=False), norm(outputs), nn.ReLU())
    return nn.Sequential(*layers, *(() if is_first else (pool(2),)))


def _augmented(pictures: Tensor, brightness: float) -> Tensor:
    """Mirror some, along any axis, and change the contrast of each sequence a little."""
    for axis in range(2, pictures.ndim):
        turned = torch.rand(len(pictures)) < 0.5
        pictures = torch.where(turned.reshape(-1, *[1] * (pictures.ndim - 1)), pictures.flip(axis), pictures)
    factors = 1 + brightness * (2 * torch.rand(*pictures.shape[:2]) - 1)
    return pictures * factors.reshape(*factors.shape, *[1] * (pictures.ndim - 2))
