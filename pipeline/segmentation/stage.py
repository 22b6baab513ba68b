"""Liver and tumour from six registered sequences: a 3D Res-UNet over overlapping patches."""

import logging
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from pipeline.segmentation.backends import Backend, ready_predictor
from pipeline.segmentation.flips import with_flips
from pipeline.segmentation.gpu import DeviceError, release
from pipeline.segmentation.normalisation import normalise
from pipeline.segmentation.search import label_body, label_liver
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import LabelMap, Volume

logger = logging.getLogger(__name__)

DEVICE = "SEG-DEVICE"
"""Code of the warning that a GPU was asked for and could not be used."""
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
        Inference engine. Where it is a GPU that is absent, busy or out of memory, the processor takes its place,
        with a warning ``SEG-DEVICE`` in the log.

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
    label = label_body if settings.search == "body" else label_liver

    def labelled(engine: Backend) -> npt.NDArray[np.uint8]:
        predict = with_flips(ready_predictor(weights, settings, engine), settings.flip_axes)
        return label(stacked, body, predict, settings)

    return LabelMap(_labelled(labelled, backend), channels[FIXED_ROLE].grid)


def _labelled(labelled: Callable[[Backend], npt.NDArray[np.uint8]], backend: Backend) -> npt.NDArray[np.uint8]:
    """Label on the engine asked for; a study that a GPU cannot finish is labelled anew on the processor."""
    try:
        return labelled(backend)
    except DeviceError as error:
        logger.warning("%s: the GPU cannot be used (%s); this study is segmented on the processor", DEVICE, error)
        release()
    return labelled(Backend.AUTOMATIC)
