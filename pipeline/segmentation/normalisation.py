"""Raw intensities of six sequences to network channels of 0 to 1."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.segmentation.settings import NormalisationSettings
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import Volume

SMOOTHING_VOXELS = 3
REFERENCE_PERCENTILE = 99.0
FULL = 1.0


def body_mask(fixed: npt.NDArray[np.float32], settings: NormalisationSettings) -> npt.NDArray[np.bool_]:
    """Find the body in the hepatobiliary phase.

    The largest component brighter than a fraction of the 99th percentile, with the holes of each slice filled, so
    that dark vessels, tumours and lung belong to it.

    Parameters
    ----------
    fixed
        (k, j, i), any intensity unit.
    settings
        The fraction.

    Returns
    -------
    numpy.ndarray
        (k, j, i); everything where nothing stands out (a constant image has no air to leave out).
    """
    smooth = ndimage.uniform_filter(fixed, SMOOTHING_VOXELS)
    bright = smooth > settings.body_fraction * np.percentile(fixed, REFERENCE_PERCENTILE)
    components, count = ndimage.label(bright)
    if count == 0:
        return np.ones(fixed.shape, dtype=bool)
    largest = 1 + int(np.argmax(np.bincount(components.ravel())[1:]))
    body: npt.NDArray[np.bool_] = components == largest
    for plane in body:
        ndimage.binary_fill_holes(plane, output=plane)
    return body


def rescale(
    array: npt.NDArray[np.float32], body: npt.NDArray[np.bool_], settings: NormalisationSettings
) -> npt.NDArray[np.float32]:
    """Map the percentiles of `array` over `body` to 0 and 1, and clip.

    Robust against bright vessels, artefacts and the arbitrary unit of MR intensities. All zeros where the
    percentiles coincide.
    """
    low, high = np.percentile(array[body], [settings.low_percentile, settings.high_percentile])
    if not high > low:
        return np.zeros_like(array)
    scaled: npt.NDArray[np.float32] = np.clip((array - low) / (high - low), 0, FULL, dtype=np.float32)
    return scaled


def normalise(
    channels: Mapping[Role, Volume], settings: NormalisationSettings
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Stack the six sequences as network channels.

    Parameters
    ----------
    channels
        The six sequences on one grid.
    settings
        Percentiles and body threshold.

    Returns
    -------
    channels
        (6, k, j, i), 0 to 1, in the order of `Role`.
    body
        (k, j, i).

    Raises
    ------
    ValueError
        A role is missing, or the grids differ.
    """
    missing = [role.value for role in Role if role not in channels]
    if missing:
        raise ValueError(f"segmentation without {', '.join(missing)}")
    grid = channels[FIXED_ROLE].grid
    for role in Role:
        if not channels[role].grid.is_close(grid):
            raise ValueError(f"{role.value} is not on the grid of {FIXED_ROLE.value}; resample first")
    body = body_mask(channels[FIXED_ROLE].array, settings)
    return np.stack([rescale(channels[role].array, body, settings) for role in Role]), body
