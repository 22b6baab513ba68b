"""Moving sequences that see less than the hepatobiliary phase, or more, as those of patients do."""

from enum import StrEnum

import numpy as np

from pipeline.geometry import Grid
from pipeline.volume import Volume

LEAST_SHARE = 0.65
"""Of the slices, or of either side of a slice, that is left."""
ARM_RADIUS_MM = 35.0
ARM_BRIGHTNESS = 50.0
"""Percentile of the body's intensities."""


class Seen(StrEnum):
    """What a moving sequence sees."""

    WHOLE = "whole"
    """As acquired."""
    PARTIAL = "partial"
    """The lowest third of the slices is missing: the liver is cut."""
    NARROW = "narrow"
    """A smaller field of view: the flanks and the skin are missing."""
    ARMS = "arms"
    """Both arms lie beside the body, and in the hepatobiliary phase they do not."""


def as_seen(volume: Volume, seen: Seen) -> Volume:
    """Return what is seen of a volume; what stays keeps its place, mm."""
    slices, rows, columns = volume.array.shape
    if seen is Seen.PARTIAL:
        return _block(volume, (slices - round(slices * LEAST_SHARE), 0, 0), volume.array.shape)
    if seen is Seen.NARROW:
        j, i = (round(n * (1 - LEAST_SHARE) / 2) for n in (rows, columns))
        return _block(volume, (0, j, i), (slices, rows - j, columns - i))
    return _with_arms(volume) if seen is Seen.ARMS else volume


def _block(volume: Volume, start_kji: tuple[int, int, int], stop_kji: tuple[int, ...]) -> Volume:
    array = volume.array[tuple(slice(a, b) for a, b in zip(start_kji, stop_kji, strict=True))]
    grid = volume.grid
    shape = (array.shape[0], array.shape[1], array.shape[2])
    return Volume(array, Grid(shape, grid.spacing_xyz_mm, grid.to_lps_mm(start_kji[::-1]), grid.direction))


def _with_arms(volume: Volume) -> Volume:
    array, (dx, dy, _) = volume.array.copy(), volume.grid.spacing_xyz_mm.tolist()
    body = array > 0.12 * np.percentile(array, 99)
    j, i = np.indices(array.shape[1:])
    middle = (array.shape[1] - 1) / 2
    for side in (ARM_RADIUS_MM / dx, array.shape[2] - 1 - ARM_RADIUS_MM / dx):
        arm = np.hypot((j - middle) * dy, (i - side) * dx) < ARM_RADIUS_MM
        array[np.broadcast_to(arm, array.shape) & ~body] = np.percentile(array[body], ARM_BRIGHTNESS)
    return Volume(array, volume.grid)
