"""The same study in small: fewer pixels and slices, so that many studies are written and matched in a minute."""

from dataclasses import replace

import numpy as np

from pipeline.geometry import Grid
from pipeline.phantom import PhantomCase
from pipeline.study import FIXED_ROLE, Study
from pipeline.volume import LabelMap, Volume

SLICES = {5.0: 12, 7.0: 9}
"""By slice thickness, mm: about 60 mm of the liver; enough that a series with a gap is still a volume."""

FEWEST_SLICES = 8
"""Of any other stack; series matching takes no fewer for a volume."""

BINNING = 4
"""Pixels along an edge that become one."""


def miniature(case: PhantomCase) -> PhantomCase:
    """Return `case` with binned pixels and the central slices, true in place, spacing along z and contrast.

    Every stack is cut around the height at which the liver is largest, where aorta and spleen are in view.
    """
    labels = case.truth.label_map
    area = (labels.array > 0).sum(axis=(1, 2))
    centre = labels.grid.to_lps_mm([*((np.array(labels.grid.shape[2:0:-1]) - 1) / 2), int(area.argmax())])
    volumes = {role: _small(volume, centre) for role, volume in case.study.volumes.items()}
    study = Study(volumes, case.study.clinical, case.study.field_strength_t)
    distractors = {name: _small(volume, centre) for name, volume in case.distractors.items()}
    kept = _slices(labels.grid, centre)
    small = volumes[FIXED_ROLE].grid
    sampled = labels.array[kept, BINNING // 2 :: BINNING, BINNING // 2 :: BINNING]
    return PhantomCase(study, distractors, replace(case.truth, label_map=LabelMap(sampled, small)))


def _small(volume: Volume, centre: np.ndarray) -> Volume:
    kept = _slices(volume.grid, centre)
    array = volume.array[kept]
    slices, rows, columns = array.shape
    binned = array.reshape(slices, rows // BINNING, BINNING, columns // BINNING, BINNING).mean(axis=(2, 4))
    grid = volume.grid
    spacing = grid.spacing_xyz_mm * [BINNING, BINNING, 1]
    corner = (BINNING - 1) / 2
    origin = np.round(grid.to_lps_mm([corner, corner, kept.start]), 6)
    return Volume(
        np.rint(binned), Grid((slices, rows // BINNING, columns // BINNING), spacing, origin, grid.direction)
    )


def _slices(grid: Grid, centre: np.ndarray) -> slice:
    wanted = SLICES.get(round(float(grid.spacing_xyz_mm[2]), 3), FEWEST_SLICES)
    height = round(float(grid.to_index_ijk(centre)[2]))
    first = min(max(height - wanted // 2, 0), max(grid.shape[0] - wanted, 0))
    return slice(first, min(first + wanted, grid.shape[0]))
