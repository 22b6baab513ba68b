"""Lesions of a label map: components, margin, size."""

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from pipeline.analysis import Lesion
from pipeline.geometry import FloatArray, Grid
from pipeline.resampling import resample_labels
from pipeline.volume import LabelMap

TUMOUR_LABEL: Final = 2
"""In the label map of the segmentation; 1 is liver, 0 the rest."""

FULLY_CONNECTED: Final = np.ones((3, 3, 3), dtype=bool)
MAXIMUM_NUMBER: Final = 255
"""Lesions that a uint8 map can hold; smaller ones beyond are dropped."""

UInt8Array = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class LesionSettings(BaseModel):
    """What counts as a lesion, and how wide its margin is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    margin_mm: Annotated[float, Field(gt=0, le=30)] = 5.0
    """Width of the peritumoural margin, mm, from the centres of the outermost lesion voxels."""
    minimum_volume_mm3: Annotated[float, Field(ge=0)] = 150.0
    """Smaller components are dropped, mm3; the default is a ball of 6.6 mm."""
    minimum_liver_contact: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the voxels around a component that must be liver; what has less lies beside the liver (heart,
    stomach, kidney) and is set aside with a warning."""
    set_aside_below_cm3: Annotated[float, Field(ge=0)] = 50.0
    """Only components smaller than this are judged by their contact: a large tumour may reach the surface of the
    liver on every side."""


@dataclass(frozen=True, eq=False)
class Delineation:
    """Liver, lesions and margins on one grid.

    Parameters
    ----------
    liver_map
        1 inside the liver, tumours included.
    lesion_map
        n inside lesion n.
    margin_map
        n inside the margin of lesion n, outside every lesion.
    set_aside_cm3
        Volumes of components that touch the liver and do not lie in it, cm3.
    detached_cm3
        Volumes of components apart from the liver, of a lesion's size at least, cm3, by falling volume.
    """

    liver_map: LabelMap
    lesion_map: LabelMap
    margin_map: LabelMap
    set_aside_cm3: tuple[float, ...] = ()
    detached_cm3: tuple[float, ...] = ()

    def on(self, grid: Grid) -> "Delineation":
        """Take the maps to another grid."""
        liver, lesion, margin = (
            resample_labels(labels, grid) for labels in (self.liver_map, self.lesion_map, self.margin_map)
        )
        return Delineation(liver, lesion, margin, self.set_aside_cm3, self.detached_cm3)


def delineate(labels: LabelMap, native: Grid, *, settings: LesionSettings) -> Delineation:
    """Find the lesions of a label map and draw their margins.

    Parameters
    ----------
    labels
        From the segmentation, on the working grid: 0 elsewhere, 1 liver, 2 tumour.
    native
        Grid of the original hepatobiliary series: lesions are numbered by their volume there, and one that has no
        voxel there is dropped.
    settings
        Smallest lesion and width of the margin.

    Returns
    -------
    Delineation
        On the working grid. The liver is the largest connected part of liver and tumour; a tumour outside it is
        left out and told by its volume, so is one that only touches it; one below the smallest volume is dropped,
        and its voxels stay liver.
        Where there is no liver label, every tumour counts and the margin is bounded by nothing.
    """
    tumour = labels.array == TUMOUR_LABEL
    has_liver = bool((labels.array == 1).any())
    liver = _largest_part(labels.array > 0) if has_liver else tumour
    touching = liver
    beside: Mask = np.zeros_like(liver)
    set_aside_cm3: tuple[float, ...] = ()
    if has_liver:
        beside, set_aside_cm3 = _beside(tumour & liver, liver, labels.grid, settings)
    liver = liver & ~beside
    lesions = _numbered(tumour & liver, labels.grid, native, settings)
    bounds = liver if has_liver else np.ones_like(liver)
    margins = _margins(lesions, bounds, labels.grid, settings.margin_mm)
    liver_map, lesion_map, margin_map = (
        LabelMap(array.astype(np.uint8), labels.grid) for array in (liver, lesions, margins)
    )
    return Delineation(
        liver_map, lesion_map, margin_map, set_aside_cm3, _detached(tumour & ~touching, labels.grid, settings)
    )


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


def least_contact(found: Delineation) -> float:
    """Return the least share of liver, or of another lesion, among the voxels around a lesion; 1 without one."""
    lesions, liver = found.lesion_map.array, found.liver_map.array > 0
    return min(
        (
            _volume_and_contact(lesions, number, box, liver, found.lesion_map.grid)[1]
            for number, box in enumerate(ndimage.find_objects(lesions), 1)
            if box is not None
        ),
        default=1.0,
    )


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


def margin_around(tumour: Mask, liver: Mask, grid: Grid, margin_mm: float) -> Mask:
    """Draw the margin of a tumour that is taken as it was outlined; (k, j, i).

    Parameters
    ----------
    tumour, liver
        (k, j, i); the margin stays inside the liver and outside the tumour.
    grid
        Of both.
    margin_mm
        As `LesionSettings.margin_mm`.
    """
    margin: Mask = _margins(tumour.astype(np.uint8), liver, grid, margin_mm) > 0
    return margin


def _largest_part(mask: Mask) -> Mask:
    parts, _ = ndimage.label(mask, FULLY_CONNECTED)
    largest: Mask = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return largest


def _beside(tumour: Mask, liver: Mask, grid: Grid, settings: LesionSettings) -> tuple[Mask, tuple[float, ...]]:
    """Find the components that lie beside the liver rather than in it, and their volumes, cm3.

    Where nothing else would be left, the component with the most liver around it stays: a small tumour at the
    surface is more likely than a study for its tumour without one.
    """
    parts, count = ndimage.label(tumour, FULLY_CONNECTED)
    components = [
        (number, *_volume_and_contact(parts, number, box, liver, grid))
        for number, box in enumerate(ndimage.find_objects(parts, max_label=count), 1)
    ]
    large = [item for item in components if item[1] * 1000 >= settings.minimum_volume_mm3]
    outside = [
        item
        for item in large
        if item[1] < settings.set_aside_below_cm3 and item[2] < settings.minimum_liver_contact
    ]
    if outside and len(outside) == len(large):
        outside.remove(max(outside, key=lambda item: item[2]))
    beside: Mask = np.isin(parts, [number for number, _, _ in outside])
    return beside, tuple(sorted((volume_cm3 for _, volume_cm3, _ in outside), reverse=True))


def _detached(tumour: Mask, grid: Grid, settings: LesionSettings) -> tuple[float, ...]:
    """Return the volumes of the components of `tumour` that are as large as a lesion, cm3, by falling volume."""
    parts, _ = ndimage.label(tumour, FULLY_CONNECTED)
    volumes_mm3 = np.bincount(parts.ravel())[1:] * grid.voxel_volume_mm3
    large = volumes_mm3[volumes_mm3 >= settings.minimum_volume_mm3]
    return tuple(sorted((large / 1000).tolist(), reverse=True))


def _volume_and_contact(
    parts: npt.NDArray[np.integer], number: int, box: tuple[slice, ...], liver: Mask, grid: Grid
) -> tuple[float, float]:
    """Return the volume of a component, cm3, and the share of the voxels around it that are liver."""
    around = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    part = parts[around] == number
    shell = ndimage.binary_dilation(part) & ~part
    contact = float(liver[around][shell].mean()) if shell.any() else 1.0
    return float(part.sum()) * grid.voxel_volume_mm3 / 1000, contact


def _numbered(tumour: Mask, grid: Grid, native: Grid, settings: LesionSettings) -> UInt8Array:
    """Number the components by falling volume on the native grid, ties by position."""
    parts, count = ndimage.label(tumour, FULLY_CONNECTED)
    volumes_mm3 = np.bincount(parts.ravel(), minlength=count + 1)[1:] * grid.voxel_volume_mm3
    kept = np.flatnonzero(volumes_mm3 >= settings.minimum_volume_mm3) + 1
    kept = kept[np.argsort(-volumes_mm3[kept - 1], kind="stable")][:MAXIMUM_NUMBER]
    first = _renumbered(parts, kept)
    seen = np.bincount(resample_labels(LabelMap(first, grid), native).array.ravel(), minlength=len(kept) + 1)[1:]
    order = np.argsort(-seen, kind="stable")
    return _renumbered(first, order[seen[order] > 0] + 1)


def _renumbered(parts: npt.NDArray[np.integer], order: npt.NDArray[np.intp]) -> UInt8Array:
    """Give the label order[n] the number n + 1, and 0 to the rest."""
    table = np.zeros(int(parts.max()) + 1, dtype=np.uint8)
    table[order] = np.arange(1, len(order) + 1)
    numbered: UInt8Array = table[parts]
    return numbered


def _margins(lesions: UInt8Array, bounds: Mask, grid: Grid, margin_mm: float) -> UInt8Array:
    """Give each voxel near a lesion, outside all, the number of the nearest, by voxel centres."""
    margins = np.zeros_like(lesions)
    if not lesions.any():
        return margins
    spacing_kji = grid.spacing_xyz_mm[::-1]
    reach = np.ceil(margin_mm / spacing_kji).astype(int)
    hit = np.argwhere(lesions)
    low = np.maximum(hit.min(axis=0) - reach, 0)
    high = np.minimum(hit.max(axis=0) + reach + 1, lesions.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    near = lesions[box]
    distance_mm, nearest = ndimage.distance_transform_edt(
        near == 0, sampling=spacing_kji.tolist(), return_indices=True
    )
    inside = (near == 0) & (distance_mm <= margin_mm) & bounds[box]
    margins[box] = np.where(inside, near[tuple(nearest)], 0)
    return margins
