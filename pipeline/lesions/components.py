"""Connected parts of tumour: which are lesions, which lie beside the liver, and their numbers."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.geometry import Grid
from pipeline.lesions.settings import LesionSettings
from pipeline.resampling import resample_labels
from pipeline.volume import LabelMap

FULLY_CONNECTED: Final = np.ones((3, 3, 3), dtype=bool)
MAXIMUM_NUMBER: Final = 255
"""Lesions that a uint8 map can hold; smaller ones beyond are dropped."""

UInt8Array = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def largest_part(mask: Mask) -> Mask:
    """Return the largest connected part of `mask`, which is not empty."""
    parts, _ = ndimage.label(mask, FULLY_CONNECTED)
    largest: Mask = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return largest


def components_beside(
    tumour: Mask, liver: Mask, grid: Grid, settings: LesionSettings
) -> tuple[Mask, tuple[float, ...]]:
    """Find the components that lie beside the liver rather than in it, and their volumes, cm3.

    Where nothing else would be left, the component with the most liver around it stays: a small tumour at the
    surface is more likely than a study for its tumour without one.

    Parameters
    ----------
    tumour, liver
        (k, j, i); the tumour lies in the liver or touches it.
    grid
        Of both.
    settings
        What is judged, and by how much contact.
    """
    parts, count = ndimage.label(tumour, FULLY_CONNECTED)
    components = [
        (number, *volume_and_contact(parts, number, box, liver, grid))
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


def detached_volumes_cm3(tumour: Mask, grid: Grid, settings: LesionSettings) -> tuple[float, ...]:
    """Return the volumes of the components of `tumour` that are as large as a lesion, cm3, by falling volume.

    Parameters
    ----------
    tumour
        (k, j, i).
    grid
        Of it.
    settings
        Smallest lesion.
    """
    parts, _ = ndimage.label(tumour, FULLY_CONNECTED)
    volumes_mm3 = np.bincount(parts.ravel())[1:] * grid.voxel_volume_mm3
    large = volumes_mm3[volumes_mm3 >= settings.minimum_volume_mm3]
    return tuple(sorted((large / 1000).tolist(), reverse=True))


def volume_and_contact(
    parts: npt.NDArray[np.integer], number: int, box: tuple[slice, ...], liver: Mask, grid: Grid
) -> tuple[float, float]:
    """Return the volume of a component, cm3, and the share of the voxels around it that are liver.

    Parameters
    ----------
    parts, number
        The component is where (k, j, i) `parts` is `number`.
    box
        That holds it.
    liver
        (k, j, i).
    grid
        Of both.
    """
    around = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    part = parts[around] == number
    shell = ndimage.binary_dilation(part) & ~part
    contact = float(liver[around][shell].mean()) if shell.any() else 1.0
    return float(part.sum()) * grid.voxel_volume_mm3 / 1000, contact


def numbered(tumour: Mask, grid: Grid, native: Grid, settings: LesionSettings) -> UInt8Array:
    """Number the components by falling volume on the native grid, ties by position.

    Parameters
    ----------
    tumour
        (k, j, i).
    grid, native
        Of `tumour`; of the original series.
    settings
        Smallest component.
    """
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
