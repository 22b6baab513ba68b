"""Sliding window: overlapping patches, blended."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

FloatVolume = npt.NDArray[np.float32]
Triple = tuple[int, int, int]
Predictor = Callable[[FloatVolume], FloatVolume]
"""Maps one patch (channels, k, j, i) to class probabilities (classes, k, j, i)."""

SIGMA_FRACTION = 1 / 8
"""Standard deviation of the weights as a fraction of the patch side (nnU-Net, doi:10.1038/s41592-020-01008-z)."""

LEAST_WEIGHT = 1e-3
"""Lower bound of the weights, so that voxels at a corner of a single patch still divide well."""


def starts(side: int, patch: int, stride: int) -> list[int]:
    """First voxels of the patches along one axis of `side` >= `patch` voxels; the last one ends with the axis."""
    last = side - patch
    return [*range(0, last, stride), last]


def gaussian_weights(patch_kji: Triple) -> FloatVolume:
    """Weights (k, j, i), 1 in the centre of the patch, falling towards its border."""
    weights = np.ones(patch_kji)
    for axis, side in enumerate(patch_kji):
        offset = (np.arange(side) - (side - 1) / 2) / (side * SIGMA_FRACTION)
        shape = [1, 1, 1]
        shape[axis] = side
        weights = weights * np.exp(-0.5 * offset**2).reshape(shape)
    result: FloatVolume = np.maximum(weights / weights.max(), LEAST_WEIGHT).astype(np.float32)
    return result


def windows(shape: Triple, patch_kji: Triple, stride_kji: Triple) -> Iterator[tuple[slice, slice, slice]]:
    """Cover a volume of `shape` (no side smaller than the patch) with patches."""
    axes = [starts(n, p, s) for n, p, s in zip(shape, patch_kji, stride_kji, strict=True)]
    for k, j, i in product(*axes):
        yield (
            slice(k, k + patch_kji[0]),
            slice(j, j + patch_kji[1]),
            slice(i, i + patch_kji[2]),
        )


def slide(
    channels: FloatVolume,
    predict: Predictor,
    *,
    patch_kji: Triple,
    stride_kji: Triple,
    wanted: npt.NDArray[np.bool_],
    uniform: bool = False,
) -> FloatVolume:
    """Apply `predict` to overlapping patches and blend what it says.

    A patch without a single wanted voxel is skipped. This is exact for the wanted voxels: such a patch covers none
    of them, so that it could not have changed any.

    Parameters
    ----------
    channels
        (channels, k, j, i); padded with zeros at the far end of each axis where smaller than a patch.
    predict
        Probabilities of one patch.
    patch_kji, stride_kji
        Voxels.
    wanted
        (k, j, i); where a result is needed.
    uniform
        Whether every patch counts the same, wherever in it a voxel lies; Gaussian weights otherwise.

    Returns
    -------
    numpy.ndarray
        (classes, k, j, i); zero where no patch was evaluated.

    Raises
    ------
    ValueError
        No voxel is wanted.
    """
    if not wanted.any():
        raise ValueError("no voxel is wanted")
    shape: Triple = wanted.shape
    margin = [(0, max(0, p - n)) for n, p in zip(shape, patch_kji, strict=True)]
    padded = np.pad(channels, [(0, 0), *margin])
    needed = np.pad(wanted, margin)
    weights = np.ones(patch_kji, np.float32) if uniform else gaussian_weights(patch_kji)
    total = np.zeros(needed.shape, dtype=np.float32)
    blended: FloatVolume | None = None
    for window in windows(needed.shape, patch_kji, stride_kji):
        if not needed[window].any():
            continue
        answer = predict(np.ascontiguousarray(padded[(slice(None), *window)]))
        if blended is None:
            blended = np.zeros((answer.shape[0], *needed.shape), dtype=np.float32)
        blended[(slice(None), *window)] += answer * weights
        total[window] += weights
    assert blended is not None  # noqa: S101 - a wanted voxel lies in at least one window
    blended /= np.where(total > 0, total, 1)
    return blended[(slice(None), *(slice(0, n) for n in shape))]
