"""Liver and tumour from six registered sequences: a 3D Res-UNet over overlapping patches."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pipeline.segmentation.backends import CLASSES, Backend, build_network, build_predictor, ready_predictor
from pipeline.segmentation.flips import with_flips
from pipeline.segmentation.normalisation import normalise
from pipeline.segmentation.search import label_body, label_liver
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
    "label_body",
    "label_liver",
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
    label = label_liver if settings.search == "liver" else label_body
    predict = with_flips(ready_predictor(weights, settings, backend), settings.flip_axes)
    labels = label(stacked, body, predict, settings)
    return LabelMap(labels, channels[FIXED_ROLE].grid)
