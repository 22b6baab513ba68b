"""What segmentation training minimises."""

from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0
"""Voxels added to both sides of the Dice quotient, so that an absent class has a gradient."""


def dice_and_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Sum of the soft Dice loss of the foreground classes, over the whole batch, and the cross entropy.

    Parameters
    ----------
    logits
        (n, classes, k, j, i).
    labels
        (n, k, j, i), class indices.

    References
    ----------
    .. [1] Isensee et al., Nature Methods 18, 2021. doi:10.1038/s41592-020-01008-z
    """
    probabilities = logits.softmax(dim=1)
    truth = functional.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(probabilities.dtype)
    axes = (0, 2, 3, 4)
    overlap = (probabilities * truth).sum(axes)
    total = probabilities.sum(axes) + truth.sum(axes)
    dice = (2 * overlap + SMOOTH) / (total + SMOOTH)
    loss: Tensor = functional.cross_entropy(logits, labels) + 1 - dice[1:].mean()
    return loss
