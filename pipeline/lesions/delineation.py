"""Liver, lesions and margins from the labels of the segmentation."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.geometry import Grid
from pipeline.lesions.components import (
    components_beside,
    detached_volumes_cm3,
    largest_part,
    numbered,
    volume_and_contact,
)
from pipeline.lesions.margins import margins_of
from pipeline.lesions.settings import LesionSettings
from pipeline.resampling import resample_labels
from pipeline.volume import LabelMap

TUMOUR_LABEL: Final = 2
"""In the label map of the segmentation; 1 is liver, 0 the rest."""

Mask = npt.NDArray[np.bool_]


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
    liver = largest_part(labels.array > 0) if has_liver else tumour
    touching = liver
    beside: Mask = np.zeros_like(liver)
    set_aside_cm3: tuple[float, ...] = ()
    if has_liver:
        beside, set_aside_cm3 = components_beside(tumour & liver, liver, labels.grid, settings)
    liver = liver & ~beside
    lesions = numbered(tumour & liver, labels.grid, native, settings)
    bounds = liver if has_liver else np.ones_like(liver)
    margins = margins_of(lesions, bounds, labels.grid, settings.margin_mm)
    liver_map, lesion_map, margin_map = (
        LabelMap(array.astype(np.uint8), labels.grid) for array in (liver, lesions, margins)
    )
    return Delineation(
        liver_map,
        lesion_map,
        margin_map,
        set_aside_cm3,
        detached_volumes_cm3(tumour & ~touching, labels.grid, settings),
    )


def least_contact(found: Delineation) -> float:
    """Return the least share of liver, or of another lesion, among the voxels around a lesion; 1 without one."""
    lesions, liver = found.lesion_map.array, found.liver_map.array > 0
    return min(
        (
            volume_and_contact(lesions, number, box, liver, found.lesion_map.grid)[1]
            for number, box in enumerate(ndimage.find_objects(lesions), 1)
            if box is not None
        ),
        default=1.0,
    )
