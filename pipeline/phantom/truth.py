"""Ground truth measured on the implicit shapes, not on the images."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from pipeline.geometry import Grid
from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.tumour_shape import BULGE_MM
from pipeline.phantom.tumours import Tumour
from pipeline.resampling import resample
from pipeline.volume import LabelMap, Volume

LIVER_LABEL = 1
TUMOUR_LABEL = 2
MEASURING_STEPS = 36
"""Steps from the centre of a tumour to its farthest point on the lattice it is measured on."""


@dataclass(frozen=True)
class TumourTruth:
    """Size and place of one tumour.

    Parameters
    ----------
    longest_diameter_mm
        Largest distance of two points within one axial slice, mm.
    volume_cm3
        cm3.
    centroid_lps_mm
        LPS, mm, in the hepatobiliary phase.
    """

    longest_diameter_mm: float
    volume_cm3: float
    centroid_lps_mm: tuple[float, float, float]


def label_map(grid: Grid, anatomy: Anatomy, tumours: tuple[Tumour, ...]) -> LabelMap:
    """Evaluate liver and tumour at the voxel centres of `grid`."""
    # Shifted so that outside the lattice, where 0 is returned, is outside the liver.
    liver = resample(Volume(anatomy.liver_level_mm + 100, anatomy.grid), grid).array - 100
    labels = np.where(liver > 0, LIVER_LABEL, 0).astype(np.uint8)
    for tumour in tumours:
        k, j, i = _box(grid, tumour)
        index = np.stack(np.meshgrid(i, j, k, indexing="ij"), axis=-1).transpose(2, 1, 0, 3)
        part = (slice(k[0], k[-1] + 1), slice(j[0], j[-1] + 1), slice(i[0], i[-1] + 1))
        level = tumour.shape.level(grid.to_lps_mm(index).astype(np.float32))
        labels[part][(level > 0) & (liver[part] > -BULGE_MM)] = TUMOUR_LABEL
    return LabelMap(labels, grid)


def measure_tumours(anatomy: Anatomy, tumours: tuple[Tumour, ...]) -> tuple[TumourTruth, ...]:
    """Measure every tumour on a lattice of its own, by falling volume."""
    measured = [_measure(anatomy, tumour) for tumour in tumours]
    return tuple(sorted(measured, key=lambda truth: -truth.volume_cm3))


def _measure(anatomy: Anatomy, tumour: Tumour) -> TumourTruth:
    reach = tumour.shape.reach_mm + 2
    n, step = 2 * MEASURING_STEPS, reach / MEASURING_STEPS
    grid = Grid((n, n, n), np.full(3, step), tumour.shape.centre_lps_mm - (n - 1) / 2 * step, np.eye(3))
    mask = label_map(grid, anatomy, (tumour,)).array == TUMOUR_LABEL
    points = grid.to_lps_mm(np.argwhere(mask)[:, ::-1])
    centroid = points.mean(axis=0)
    slices = np.split(points, np.flatnonzero(np.diff(points[:, 2])) + 1)
    diameter = max(_largest_distance(part[:, :2]) for part in slices)
    volume = float(mask.sum()) * grid.voxel_volume_mm3 / 1000
    return TumourTruth(diameter + step, volume, (float(centroid[0]), float(centroid[1]), float(centroid[2])))


def _largest_distance(points: npt.NDArray[np.float64]) -> float:
    if len(points) < 2:
        return 0.0
    with suppress(QhullError):  # Points on one line have no hull; there are few of them.
        points = points[ConvexHull(points).vertices]
    return float(pdist(points).max())


def _box(grid: Grid, tumour: Tumour) -> tuple[npt.NDArray[np.int64], ...]:
    """Return the indices along (k, j, i) that the tumour can reach."""
    reach = tumour.shape.reach_mm
    corners = np.array([[a, b, c] for a in (-reach, reach) for b in (-reach, reach) for c in (-reach, reach)])
    index = grid.to_index_ijk(tumour.shape.centre_lps_mm + corners)
    limit = np.array(grid.shape[::-1])
    first = np.clip(np.floor(index.min(0)), 0, limit - 1).astype(int)
    last = np.clip(np.ceil(index.max(0)) + 1, first + 1, limit).astype(int)
    i, j, k = (np.arange(a, b) for a, b in zip(first, last, strict=True))
    return k, j, i
