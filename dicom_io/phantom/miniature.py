"""The same study in small: `miniature` to be written and matched in numbers, `coarse` to be sent and analysed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.geometry import Grid
from pipeline.phantom import PhantomCase
from pipeline.study import FIXED_ROLE
from pipeline.volume import LabelMap, Volume

SLICES = {5.0: 12, 7.0: 9}
"""By slice thickness, mm: about 60 mm of the liver; enough that a series with a gap is still a volume."""

FEWEST_SLICES = 8
"""Of any other stack; series matching takes no fewer for a volume."""

BINNING = 4
"""Pixels along an edge that become one in a miniature."""

COARSE_BINNING = 2
"""The same in a coarse study: a quarter of the bytes, and liver and tumour are found as before."""


def miniature(case: PhantomCase) -> PhantomCase:
    """Return `case` with binned pixels and the central slices, true in place, spacing along z and contrast.

    Every stack is cut around the height at which the liver is largest, where aorta and spleen are in view.
    """
    labels = case.truth.label_map
    area = (labels.array > 0).sum(axis=(1, 2))
    centre = labels.grid.to_lps_mm([*((np.array(labels.grid.shape[2:0:-1]) - 1) / 2), int(area.argmax())])
    return _reduced(case, BINNING, lambda grid: _slices(grid, centre))


def coarse(case: PhantomCase) -> PhantomCase:
    """Return `case` with binned pixels and every slice, true in place, spacing along z and contrast."""
    return _reduced(case, COARSE_BINNING, lambda grid: slice(0, grid.shape[0]))


def _reduced(case: PhantomCase, binning: int, kept: Callable[[Grid], slice]) -> PhantomCase:
    volumes = {role: _small(volume, binning, kept(volume.grid)) for role, volume in case.study.volumes.items()}
    study = replace(case.study, volumes=volumes)
    distractors = {name: _small(volume, binning, kept(volume.grid)) for name, volume in case.distractors.items()}
    labels, small = case.truth.label_map, volumes[FIXED_ROLE].grid
    sampled = labels.array[kept(labels.grid), binning // 2 :: binning, binning // 2 :: binning]
    return PhantomCase(study, distractors, replace(case.truth, label_map=LabelMap(sampled, small)))


def _small(volume: Volume, binning: int, kept: slice) -> Volume:
    array = volume.array[kept]
    slices, rows, columns = array.shape
    binned = array.reshape(slices, rows // binning, binning, columns // binning, binning).mean(axis=(2, 4))
    grid = volume.grid
    spacing = grid.spacing_xyz_mm * [binning, binning, 1]
    corner = (binning - 1) / 2
    origin = np.round(grid.to_lps_mm([corner, corner, kept.start]), 6)
    return Volume(
        np.rint(binned), Grid((slices, rows // binning, columns // binning), spacing, origin, grid.direction)
    )


def _slices(grid: Grid, centre: np.ndarray) -> slice:
    wanted = SLICES.get(round(float(grid.spacing_xyz_mm[2]), 3), FEWEST_SLICES)
    height = round(float(grid.to_index_ijk(centre)[2]))
    first = min(max(height - wanted // 2, 0), max(grid.shape[0] - wanted, 0))
    return slice(first, min(first + wanted, grid.shape[0]))
