"""Where the network looks: around the liver it sees at half resolution; everywhere, where that is in doubt."""

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.segmentation.patches import FloatVolume, Predictor, Triple, slide, windows
from pipeline.segmentation.settings import SegmentationSettings

T = TypeVar("T", bound=np.generic)
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]
Box = tuple[slice, slice, slice]

WORTH_LOOKING: Final = 2
"""Patches of the whole body up to which a first look costs more than it saves."""
MARGIN_VOXELS: Final = 6
"""Around what the first look saw; also how far the region grows where the liver reaches its border. The first look
was never off by more than 4 (deploy/decisions/0014-speed.md)."""
LEAST_MARGIN_VOXELS: Final = 2
"""Where less of a margin saves a patch; the region grows where that was too little."""
LEAST_SEEN: Final = 0.8
"""Share of the organ that the first look must have seen; with less it is blind, and the whole body is searched."""


def label_body(stacked: FloatVolume, body: Mask, predict: Predictor, settings: SegmentationSettings) -> Labels:
    """Label normalised channels wherever there is body.

    Nothing is labelled outside the body, so that patches of air need not be evaluated.

    Parameters
    ----------
    stacked
        (6, k, j, i), 0 to 1, in the order of `Role`.
    body
        (k, j, i).
    predict
        Probabilities of one patch.
    settings
        Patch and stride.

    Returns
    -------
    numpy.ndarray
        (k, j, i): 0, 1 liver, 2 tumour; one connected organ.
    """
    probabilities = slide(
        stacked,
        predict,
        patch_kji=settings.patch_kji,
        stride_kji=settings.stride_kji,
        wanted=body,
        uniform=settings.blending == "uniform",
    )
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    labels[~body] = 0
    return keep_organ(labels)


def label_liver(stacked: FloatVolume, body: Mask, predict: Predictor, settings: SegmentationSettings) -> Labels:
    """Label normalised channels around the liver; as `label_body`, with three to five patches in place of eight.

    A first look at half resolution says where the liver is. The region around it is evaluated at full resolution,
    and grows while a label lies on its border. The whole body is evaluated where the first look saw nothing, or
    too little of what was found in the end.
    """
    everywhere = _patches(body, settings)
    if everywhere <= WORTH_LOOKING:
        return label_body(stacked, body, predict, settings)
    seen = _first_look(stacked, body, predict, settings)
    grown: Box | None = _around(seen) if seen.any() else None
    if grown is not None and settings.search == "liver-tight":
        grown = _fitted(grown, settings.patch_kji)
    while grown is not None:
        region = _widened(grown, body.shape, settings.patch_kji)
        if _patches(body[region], settings) >= everywhere:
            break
        labels = np.zeros(body.shape, np.uint8)
        labels[region] = label_body(stacked[(slice(None), *region)], body[region], predict, settings)
        grown = _grown(region, labels > 0)
        if grown is None and (seen & (labels > 0)).sum() >= LEAST_SEEN * max(1, (labels > 0).sum()):
            return labels
    return label_body(stacked, body, predict, settings)


def keep_organ(labels: Labels) -> Labels:
    """Keep the largest connected region of liver and tumour together; islands elsewhere are not liver."""
    components, count = ndimage.label(labels > 0)
    if count <= 1:
        return labels
    largest = 1 + int(np.argmax(np.bincount(components.ravel())[1:]))
    return np.where(components == largest, labels, 0).astype(np.uint8)


def _patches(body: Mask, settings: SegmentationSettings) -> int:
    """Count the patches that `slide` would evaluate."""
    shape = tuple(max(n, p) for n, p in zip(body.shape, settings.patch_kji, strict=True))
    return sum(bool(body[window].any()) for window in windows(shape, settings.patch_kji, settings.stride_kji))


def _first_look(stacked: FloatVolume, body: Mask, predict: Predictor, settings: SegmentationSettings) -> Mask:
    """Tell liver from the means of 2 x 2 x 2 voxels; (k, j, i) as `body`."""
    odd = [(0, n % 2) for n in body.shape]
    coarse = _blocks(np.pad(stacked, [(0, 0), *odd], mode="edge")).mean(axis=(2, 4, 6), dtype=np.float32)
    inside: Mask = np.logical_or.reduce(_blocks(np.pad(body, odd)[None]), axis=(2, 4, 6))[0]
    seen = label_body(coarse, inside, predict, settings) > 0
    for axis in range(3):
        seen = seen.repeat(2, axis=axis)
    whole: Mask = seen[tuple(slice(0, n) for n in body.shape)]
    return whole


def _blocks(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """View (c, k, j, i) as (c, k/2, 2, j/2, 2, i/2, 2)."""
    c, k, j, i = array.shape
    return array.reshape(c, k // 2, 2, j // 2, 2, i // 2, 2)


def _around(seen: Mask) -> Box:
    k, j, i = (
        slice(max(0, int(at.min()) - MARGIN_VOXELS), min(n, int(at.max()) + 1 + MARGIN_VOXELS))
        for at, n in zip(np.nonzero(seen), seen.shape, strict=True)
    )
    return k, j, i


def _fitted(box: Box, patch_kji: Triple) -> Box:
    """Take from the margins of a side a little longer than a patch: two voxels more are twice the patches."""

    def fitted(side: slice, patch: int) -> slice:
        excess = side.stop - side.start - patch
        if not 0 < excess <= 2 * (MARGIN_VOXELS - LEAST_MARGIN_VOXELS):
            return side
        return slice(side.start + excess // 2, side.start + excess // 2 + patch)

    k, j, i = (fitted(side, patch) for side, patch in zip(box, patch_kji, strict=True))
    return k, j, i


def _widened(box: Box, shape: Triple, patch_kji: Triple) -> Box:
    """Make no side shorter than a patch, as far as the volume reaches: what is there is better than zeros."""

    def widened(side: slice, n: int, patch: int) -> slice:
        lacking = max(0, min(patch, n) - (side.stop - side.start))
        start = min(max(0, side.start - lacking // 2), n - (side.stop - side.start) - lacking)
        return slice(start, start + (side.stop - side.start) + lacking)

    k, j, i = (widened(*of_axis) for of_axis in zip(box, shape, patch_kji, strict=True))
    return k, j, i


def _grown(region: Box, organ: Mask) -> Box | None:
    """Return the region with each side that the organ touches moved outwards; None where it touches none."""
    sides = []
    for axis, (side, n) in enumerate(zip(region, organ.shape, strict=True)):
        on_plane: Mask = np.logical_or.reduce(organ, axis=tuple({0, 1, 2} - {axis}))
        start = side.start - MARGIN_VOXELS * bool(on_plane[side.start])
        stop = side.stop + MARGIN_VOXELS * bool(on_plane[side.stop - 1])
        sides.append(slice(max(0, start), min(n, stop)))
    k, j, i = sides
    return None if (k, j, i) == region else (k, j, i)
