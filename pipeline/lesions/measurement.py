"""Size and place of lesions, as a radiologist measures them."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from pipeline.analysis import Lesion
from pipeline.geometry import FloatArray
from pipeline.volume import LabelMap

Mask = npt.NDArray[np.bool_]


def measure(lesion_map: LabelMap) -> tuple[Lesion, ...]:
    """Measure every lesion of a map, by number.

    Parameters
    ----------
    lesion_map
        n inside lesion n, on the grid of the original hepatobiliary series; its slices are the axial slices.
    """
    boxes = ndimage.find_objects(lesion_map.array)
    grid = lesion_map.grid
    lesions = []
    for number in np.flatnonzero(np.bincount(lesion_map.array.ravel())[1:]).tolist():
        box = boxes[number]
        mask = lesion_map.array[box] == number + 1
        offset_ijk = np.array([part.start for part in box[::-1]])
        centroid = grid.to_lps_mm(np.argwhere(mask).mean(axis=0)[::-1] + offset_ijk)
        lesions.append(
            Lesion(
                number=number + 1,
                longest_diameter_mm=longest_diameter_mm(mask, grid.spacing_xyz_mm),
                volume_cm3=float(mask.sum()) * grid.voxel_volume_mm3 / 1000,
                centroid_lps_mm=(float(centroid[0]), float(centroid[1]), float(centroid[2])),
            )
        )
    return tuple(lesions)


def longest_diameter_mm(mask: Mask, spacing_xyz_mm: FloatArray) -> float:
    """Return the largest distance of two boundary points within one slice, mm.

    Parameters
    ----------
    mask
        (k, j, i), not empty.
    spacing_xyz_mm
        Of the grid, mm.

    Notes
    -----
    The boundary runs through the midpoints of the pixel edges: between pixel centres a lesion would be too short
    by a pixel, between pixel corners too long.
    """
    spacing_ji = spacing_xyz_mm[1::-1]
    half_steps = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    longest = 0.0
    for plane in mask[mask.any(axis=(1, 2))]:
        points = (np.argwhere(plane)[:, None, :] + half_steps).reshape(-1, 2) * spacing_ji
        # The two farthest points of a set are corners of its convex hull.
        longest = max(longest, float(pdist(points[ConvexHull(points).vertices]).max()))
    return longest
