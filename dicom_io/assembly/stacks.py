"""Stacks of parallel slices: normals, positions along them, spacing, gaps. Pure numbers, no pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median

from dicom_io.assembly.facts import FrameFacts, Vector

POSITION_ROUNDING_MM = 0.01
"""Positions closer than this along the normal are the same."""

SPACING_TOLERANCE_MM = 0.1
SPACING_TOLERANCE = 0.01
"""Equal spacing means: within the larger of 1 % and 0.1 mm of the median."""

_GAP = 1.5
"""A step longer than this many spacings means that a slice is missing."""


@lru_cache(maxsize=4096)
def normal_of(orientation: tuple[float, ...]) -> Vector:
    """Return the unit normal, row x column, of six direction cosines."""
    a, b = orientation[:3], orientation[3:]
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    length = math.sqrt(sum(part * part for part in cross)) or 1.0
    return (cross[0] / length, cross[1] / length, cross[2] / length)


def position_mm(frame: FrameFacts) -> float | None:
    """Return where the frame lies along its own normal, mm; None without position or orientation."""
    if frame.position_lps_mm is None or frame.orientation is None:
        return None
    normal = normal_of(frame.orientation)
    offset = sum(a * b for a, b in zip(frame.position_lps_mm, normal, strict=True))
    return round(offset / POSITION_ROUNDING_MM) * POSITION_ROUNDING_MM


def corners_mm(frame: FrameFacts) -> list[Vector]:
    """Return the outer corners of a slice, LPS mm (PS3.3 C.7.6.2.1.1); empty where its geometry is not known."""
    if frame.position_lps_mm is None or frame.orientation is None or frame.pixel_spacing_mm is None:
        return []
    rows_mm, columns_mm = frame.pixel_spacing_mm
    x, y, z = frame.position_lps_mm
    right, down = frame.orientation[:3], frame.orientation[3:]
    return [
        (x + i * right[0] + j * down[0], y + i * right[1] + j * down[1], z + i * right[2] + j * down[2])
        for i in (-columns_mm / 2, (frame.columns - 0.5) * columns_mm)
        for j in (-rows_mm / 2, (frame.rows - 0.5) * rows_mm)
    ]


@dataclass(frozen=True)
class Spacing:
    """How a stack is spaced.

    Parameters
    ----------
    step_mm
        Median distance of neighbours, mm; 0 where there is one slice.
    missing
        Slices that gaps of the stack leave out.
    regular
        Whether all steps are equal, or all slices where equal steps would put them, within the tolerance.
    tolerance_mm
        By which a step may differ from the median, or a slice lie beside its place, mm.
    """

    step_mm: float
    missing: int
    regular: bool
    tolerance_mm: float


def spacing_of(positions_mm: Sequence[float]) -> Spacing:
    """Measure the steps of rising positions, mm."""
    steps = [b - a for a, b in pairwise(positions_mm)]
    if not steps:
        return Spacing(0.0, 0, True, SPACING_TOLERANCE_MM)
    step = median(steps)
    tolerance = max(SPACING_TOLERANCE_MM, SPACING_TOLERANCE * step)
    missing = sum(round(value / step) - 1 for value in steps if step > 0 and value > _GAP * step)
    regular = all(abs(value - step) <= tolerance for value in steps)
    if not regular and not missing:
        # Positions that were rounded lie near their places, although two of them add up in one step.
        first, mean = positions_mm[0], (positions_mm[-1] - positions_mm[0]) / len(steps)
        beside = (abs(value - first - k * mean) for k, value in enumerate(positions_mm))
        regular = max(beside) <= tolerance
    return Spacing(step, missing, regular, tolerance)


def relative_difference(a: float, b: float) -> float:
    """Return |a - b| relative to the larger."""
    larger = max(abs(a), abs(b))
    return abs(a - b) / larger if larger else 0.0
