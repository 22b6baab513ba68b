"""Liver and tumour from six registered sequences: a 3D Res-UNet over overlapping patches."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.segmentation.backends import CLASSES, Backend, build_network, build_predictor, ready_predictor
from pipeline.segmentation.normalisation import normalise
from pipeline.segmentation.patches import FloatVolume, Predictor, slide
from pipeline.segmentation.settings import NormalisationSettings, SegmentationSettings
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import LabelMap, Volume

__all__ = [
    "CLASSES",
    "Backend",
    "NormalisationSettings",
    "SegmentationSettings",
    "build_network",
    "build_predictor",
    "label_patches",
    "normalise",
    "segment",
]

LIVER = 1
TUMOUR = 2


def segment(
    channels: Mapping[Role, Volume],
    *,
    weights: Mapping[str, npt.NDArray[np.generic]],
    settings: SegmentationSettings,
    backend: Backend = Backend.AUTOMATIC,
) -> LabelMap:
    """Label liver and tumour.

    Parameters
    ----------
    channels
        The six sequences on the working grid, registered; any intensity unit.
    weights
        Parameters of the network by name.
    settings
        Network, patches and normalisation.
    backend
        Inference engine.

    Returns
    -------
    LabelMap
        On the working grid: 0 elsewhere, 1 liver, 2 tumour; one connected organ, tumours included.

    Raises
    ------
    ValueError
        A role is missing, the grids differ, or the weights do not fit.
    """
    stacked, body = normalise(channels, settings.normalisation)
    predict = ready_predictor(weights, settings, backend)
    return LabelMap(label_patches(stacked, body, predict, settings), channels[FIXED_ROLE].grid)


def label_patches(
    stacked: FloatVolume, body: npt.NDArray[np.bool_], predict: Predictor, settings: SegmentationSettings
) -> npt.NDArray[np.uint8]:
    """Label normalised channels.

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
        (k, j, i): 0, 1 liver, 2 tumour.
    """
    probabilities = slide(
        stacked, predict, patch_kji=settings.patch_kji, stride_kji=settings.stride_kji, wanted=body
    )
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    labels[~body] = 0
    return keep_organ(labels)


def keep_organ(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Keep the largest connected region of liver and tumour together; islands elsewhere are not liver."""
    components, count = ndimage.label(labels > 0)
    if count <= 1:
        return labels
    largest = 1 + int(np.argmax(np.bincount(components.ravel())[1:]))
    return np.where(components == largest, labels, 0).astype(np.uint8)
