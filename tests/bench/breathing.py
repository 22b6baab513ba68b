"""A motion that no rigid transform undoes: the dome of the liver rises while the spine stays where it is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import ndimage

from pipeline.geometry import FloatArray
from pipeline.volume import Volume

DIRECTION_LPS: Final = np.array([0.0, -0.3, 0.95])
"""Mostly towards the head, and a little to the front."""
REACH_MM: Final = 50.0
"""Standard deviation of the bell around the place that moves most."""
ROUNDS: Final = 30
"""Of the fixed-point iteration: the field changes by less than a quarter of its argument, so that it converges."""


@dataclass(frozen=True, eq=False)
class Breathing:
    """Takes a point of the breathing patient to where its tissue was: y to y + A exp(-|y - c|^2 / 2 s^2) d.

    Parameters
    ----------
    amplitude_mm
        A.
    centre_lps_mm
        c: (3,).
    """

    amplitude_mm: float
    centre_lps_mm: FloatArray

    def still(self, points_lps_mm: FloatArray) -> FloatArray:
        """Map (n, 3) points of the breathing patient."""
        square = ((points_lps_mm - self.centre_lps_mm) ** 2).sum(axis=-1, keepdims=True)
        moved: FloatArray = points_lps_mm + self.amplitude_mm * np.exp(-square / (2 * REACH_MM**2)) * DIRECTION_LPS
        return moved

    def breathed(self, points_lps_mm: FloatArray) -> FloatArray:
        """Map (n, 3) points back: the inverse of `still`."""
        found = points_lps_mm
        for _ in range(ROUNDS):
            found = points_lps_mm - (self.still(found) - found)
        return found

    def seen(self, volume: Volume) -> Volume:
        """Return what the scanner would have seen, interpolated by cubic splines."""
        index = np.indices(volume.array.shape).reshape(3, -1)[::-1].T
        there = volume.grid.to_index_ijk(self.still(volume.grid.to_lps_mm(index)))
        array = ndimage.map_coordinates(volume.array, there.T[::-1], order=3, mode="nearest")
        return Volume(np.maximum(array, 0).reshape(volume.array.shape).astype(np.float32), volume.grid)
