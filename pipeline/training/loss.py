"""What segmentation training minimises."""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0
"""Voxels added to both sides of the Dice quotient, so that an absent class has a gradient."""


def soft_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 minus the soft Dice of the foreground classes, over the whole batch.

    Parameters
    ----------
    logits
        (n, classes, k, j, i).
    labels
        (n, k, j, i), class indices.
    """
    probabilities = logits.softmax(dim=1)
    truth = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(probabilities.dtype)
    axes = (0, 2, 3, 4)
    overlap = (probabilities * truth).sum(axes)
    total = probabilities.sum(axes) + truth.sum(axes)
    dice = (2 * overlap + SMOOTH) / (total + SMOOTH)
    return torch.rsub(dice[1:].mean(), 1)


def dice_and_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the sum of `soft_dice` and the cross entropy.

    Parameters
    ----------
    logits, labels
        As of `soft_dice`.

    References
    ----------
    .. [1] Isensee et al., Nature Methods 18, 2021. doi:10.1038/s41592-020-01008-z
    """
    return functional.cross_entropy(logits, labels) + soft_dice(logits, labels)


LOSSES: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "dice+cross-entropy": dice_and_cross_entropy,
    "dice": soft_dice,
    "cross-entropy": functional.cross_entropy,
}
"""By the name that `SegmentationTrainingSettings.loss` gives."""
