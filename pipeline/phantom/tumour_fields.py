"""Where the parts of a tumour lie on the fine lattice: body, rim, necrosis, capsule, surroundings."""

from dataclasses import dataclass

import numpy as np

from pipeline.geometry import FloatArray
from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.canvas import Array, Box
from pipeline.phantom.noise import TILE, tiled
from pipeline.phantom.tumour_shape import BULGE_MM
from pipeline.phantom.tumours import Tumour

RIM_MM = 5.0
"""Depth of the enhancing rim."""
CAPSULE_MM = 1.6
"""Standard deviation of the capsule's thickness."""


@dataclass(frozen=True, eq=False)
class TumourFields:
    """Weights of a tumour's parts on its box of the fine lattice, each 0 to 1 unless said.

    Parameters
    ----------
    box
        Where the arrays lie.
    body, rim, necrosis, capsule, peritumoural
        Membership.
    unevenness
        Gaussian field of unit variance.
    """

    box: Box
    body: Array
    rim: Array
    necrosis: Array
    capsule: Array
    peritumoural: Array
    unevenness: Array


def tumour_fields(anatomy: Anatomy, tumour: Tumour, rng: np.random.Generator, noise: Array) -> TumourFields:
    """Evaluate the parts of a tumour where they are not zero."""
    look, shape = tumour.appearance, tumour.shape
    reach = shape.reach_mm + look.blur_mm + look.peritumoural_mm + 3
    box = _box_around(anatomy, shape.centre_lps_mm, reach)
    points = _points(anatomy, box)
    level = shape.level(points)
    liver = np.clip(anatomy.liver_level_mm[box] / 1.5 + 0.5 + BULGE_MM / 1.5, 0, 1)
    offset = rng.integers(0, TILE, 3)
    field = tiled(noise, level.shape, offset=(int(offset[0]), int(offset[1]), int(offset[2])))
    # The margin is not only soft but uneven: a wide transition wanders.
    wander = level + np.float32(0.18 * (look.blur_mm - 1)) * field
    body = liver * np.clip(wander / look.blur_mm + 0.5, 0, 1)
    depth = shape.radius_mm * (1 - look.necrosis)
    necrosis = np.clip((level - depth + 2 * field) / 3 + 0.5, 0, 1) * (look.necrosis > 0.1)
    patchy = np.clip(0.7 + 0.5 * np.roll(field, 7, axis=2), 0, 1)
    outside = np.clip(-level, 0, None)
    fade = np.clip(1.25 - outside / look.peritumoural_mm, 0, 1)
    present = np.roll(field, 11, axis=1) < np.float32(3 * look.capsule - 1.5)
    return TumourFields(
        box,
        body.astype(np.float32),
        np.exp(-np.clip(level, 0, None) / RIM_MM).astype(np.float32),
        necrosis.astype(np.float32),
        (liver * np.exp(-((level + 0.5) ** 2) / (2 * CAPSULE_MM**2)) * present).astype(np.float32),
        (fade * patchy).astype(np.float32),
        field,
    )


def _box_around(anatomy: Anatomy, centre: FloatArray, reach: float) -> Box:
    low = np.floor(anatomy.grid.to_index_ijk(centre - reach)).astype(int)
    high = np.ceil(anatomy.grid.to_index_ijk(centre + reach)).astype(int) + 1
    size = anatomy.grid.shape[::-1]
    i, j, k = (slice(max(int(a), 0), min(int(b), n)) for a, b, n in zip(low, high, size, strict=True))
    return k, j, i


def _points(anatomy: Anatomy, box: Box) -> Array:
    axes = [
        np.float32(anatomy.grid.origin_lps_mm[n])
        + np.arange(part.start, part.stop, dtype=np.float32) * np.float32(anatomy.grid.spacing_xyz_mm[n])
        for n, part in enumerate(reversed(box))
    ]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x, y, z], axis=-1)
