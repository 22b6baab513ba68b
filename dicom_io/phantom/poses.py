"""The patient lying otherwise, or the images turned: other directions, the same tissue in the same place."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from pipeline.geometry import Grid
from pipeline.phantom import PhantomCase
from pipeline.volume import LabelMap, Volume

Image = TypeVar("Image", Volume, LabelMap)
Turn = Callable[[Image], Image]

_AXIAL = 0.9


def quarter_turned(image: Image) -> Image:
    """Turn the slices by a quarter: what ran to the left runs up, as with a patient on his side."""
    grid = image.grid
    slices, rows, columns = grid.shape
    i_axis, j_axis, k_axis = grid.direction.T
    x, y, z = grid.spacing_xyz_mm
    turned = Grid(
        (slices, columns, rows),
        np.array([y, x, z]),
        grid.to_lps_mm([columns - 1, 0, 0]),
        np.column_stack([j_axis, -i_axis, k_axis]),
    )
    return type(image)(np.rot90(image.array, axes=(1, 2)), turned)


def half_turned(image: Image) -> Image:
    """Turn the slices by half, as with a prone patient."""
    return quarter_turned(quarter_turned(image))


def mirrored(image: Image) -> Image:
    """Run columns from the patient's left to right and slices from head to feet: right-handed, from above."""
    grid = image.grid
    slices, _, columns = grid.shape
    i_axis, j_axis, k_axis = grid.direction.T
    seen = Grid(
        grid.shape,
        grid.spacing_xyz_mm,
        grid.to_lps_mm([columns - 1, 0, slices - 1]),
        np.column_stack([-i_axis, j_axis, -k_axis]),
    )
    return type(image)(image.array[::-1, :, ::-1], seen)


def posed(
    case: PhantomCase, turn: Callable[[Volume], Volume], turn_labels: Callable[[LabelMap], LabelMap]
) -> PhantomCase:
    """Return `case` with every axial image turned, the label map too; places in the patient do not change."""
    volumes = {role: turn(volume) for role, volume in case.study.volumes.items()}
    distractors = {
        name: turn(volume) if abs(volume.grid.direction[2, 2]) > _AXIAL else volume
        for name, volume in case.distractors.items()
    }
    study = replace(case.study, volumes=volumes)
    truth = replace(case.truth, label_map=turn_labels(case.truth.label_map))
    return PhantomCase(study, distractors, truth)


def on_the_side(case: PhantomCase) -> PhantomCase:
    """Return `case` as of a patient on the right side."""
    return posed(case, quarter_turned, quarter_turned)


def prone(case: PhantomCase) -> PhantomCase:
    """Return `case` as of a prone patient."""
    return posed(case, half_turned, half_turned)


def from_above(case: PhantomCase) -> PhantomCase:
    """Return `case` with its images flipped left to right and head to feet."""
    return posed(case, mirrored, mirrored)
