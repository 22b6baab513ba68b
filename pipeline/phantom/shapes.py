"""Implicit shapes: level functions in millimetres, positive inside."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.phantom.canvas import Array, Box, Canvas, Point
from pipeline.phantom.tissues import Tissue


def ellipsoid(
    canvas: Canvas, centre: Point, semi_axes_mm: Point, *, tilt_deg: Point = (0.0, 0.0, 0.0)
) -> tuple[Array, Box]:
    """Return the level of an ellipsoid, approximately the distance to its surface, and the box it fills.

    Parameters
    ----------
    centre
        LPS, mm.
    semi_axes_mm
        Along the ellipsoid's own axes.
    tilt_deg
        Rotations about x, y and z that turn the axes, degrees.
    """
    rotation = rotation_matrix(tilt_deg)
    reach = np.sqrt((rotation**2) @ (np.array(semi_axes_mm) ** 2))
    low, high = np.array(centre) - reach, np.array(centre) + reach
    box = canvas.box(_point(low), _point(high))
    offset = [axis[box] - np.float32(c) for axis, c in zip(coordinates(canvas), centre, strict=True)]
    squared = np.zeros(offset[0].shape, np.float32)
    for column, semi in zip(rotation.T, semi_axes_mm, strict=True):
        along = sum_of_products(column / semi, offset)
        squared += along * along
    return (1 - np.sqrt(squared)) * np.float32(np.cbrt(np.prod(semi_axes_mm))), box


def tube(
    canvas: Canvas,
    tissue: Tissue,
    points: Sequence[Point],
    radii_mm: Sequence[float],
    *,
    over: tuple[Tissue, ...] | None = None,
) -> None:
    """Paint a chain of tapering capsules through `points`."""
    for (start, end), (first, last) in zip(pairwise(points), pairwise(radii_mm), strict=True):
        widest = max(first, last)
        corners = np.array([start, end])
        box = canvas.box(_point(corners.min(0) - widest), _point(corners.max(0) + widest))
        direction = np.array(end) - np.array(start)
        offset = [axis[box] - np.float32(c) for axis, c in zip(coordinates(canvas), start, strict=True)]
        along = np.clip(sum_of_products(direction / max(direction @ direction, 1e-6), offset), 0, 1)
        squared = np.zeros(along.shape, np.float32)
        for component, part in zip(direction, offset, strict=True):
            squared += (part - along * np.float32(component)) ** 2
        radius = np.float32(first) + along * np.float32(last - first)
        canvas.paint(tissue, radius - np.sqrt(squared), box, over=over)


def smooth_minimum(first: Array, second: Array, blend_mm: float) -> Array:
    """Return the minimum of two levels with a rounded edge (quadratic blend)."""
    overlap = np.clip(np.float32(0.5) + (second - first) / np.float32(2 * blend_mm), 0, 1)
    return np.asarray(
        second + (first - second) * overlap - np.float32(blend_mm) * overlap * (1 - overlap), np.float32
    )


def rotation_matrix(angles_xyz_deg: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return Rz @ Ry @ Rx for angles about x, y, z in degrees."""
    a, b, c = np.deg2rad(np.asarray(angles_xyz_deg, np.float64))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    matrix: npt.NDArray[np.float64] = about_z @ about_y @ about_x
    return matrix


def coordinates(canvas: Canvas) -> tuple[Array, Array, Array]:
    """Return the warped coordinate arrays x, y, z."""
    return canvas.x_mm, canvas.y_mm, canvas.z_mm


def sum_of_products(weights: npt.ArrayLike, arrays: Sequence[Array]) -> Array:
    """Return the dot product of three numbers with three arrays, in single precision."""
    a, b, c = np.asarray(weights, np.float32)
    return np.asarray(a * arrays[0] + b * arrays[1] + c * arrays[2], np.float32)


def _point(values: npt.NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
