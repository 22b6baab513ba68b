"""The liver: what the diaphragm, the wall and the visceral surface leave."""

import numpy as np

from pipeline.phantom.body_wall import Habitus, dome_height
from pipeline.phantom.canvas import Array, Canvas
from pipeline.phantom.shapes import ellipsoid, smooth_minimum
from pipeline.phantom.tissues import Tissue

OUTSIDE_MM = -30.0
REPLACED = (
    Tissue.VISCERAL_FAT,
    Tissue.BOWEL,
    Tissue.STOMACH_WALL,
    Tissue.STOMACH_CONTENT,
    Tissue.PANCREAS,
)


def paint_liver(
    canvas: Canvas, habitus: Habitus, cavity: Array, rng: np.random.Generator, texture: Array
) -> Array:
    """Paint the liver and return its level, mm, (k, j, i); -30 where far outside.

    The right lobe fills the dome and tapers along the right wall; the left lobe is a wedge in front of the
    stomach. Both are bounded below by one oblique visceral surface that rises to the left.
    """
    s = habitus.scale
    width, tip = rng.uniform(55, 85) * s, rng.uniform(60, 88) * s
    envelope, box = ellipsoid(canvas, (-42 * s, -12 * s, 0.0), (125 * s, 112 * s, 128 * s))
    x, y, z = (axis[box] for axis in (canvas.x_mm, canvas.y_mm, canvas.z_mm))
    slope = np.float32(rng.uniform(0.62, 0.78))
    # Visceral surface: lowest at the right, anterior edge lower than posterior.
    visceral = z + np.float32(tip) - slope * (x + np.float32(125 * s)) - np.float32(0.30) * y
    posterior = np.float32(42 * s) - np.float32(0.72) * (x + np.float32(5)) - y
    lateral = np.float32(width) - x + np.float32(0.15) * z
    dome = dome_height(canvas, habitus)[None, box[1], box[2]] - canvas.axes_mm[2][box[0], None, None] - 3
    level = smooth_minimum(envelope, visceral * np.float32(0.78), 9)
    level = smooth_minimum(level, posterior * np.float32(0.81), 9)
    level = smooth_minimum(level, lateral, 16)
    level = smooth_minimum(level, cavity[:, box[1], box[2]] - np.float32(2.5), 4)
    level = smooth_minimum(level, dome * np.float32(0.75), 4)
    level += np.float32(0.8) * texture[box]
    allowed = np.isin(canvas.labels[box], REPLACED)
    canvas.paint(Tissue.LIVER, level, box, over=REPLACED)
    everywhere = np.full(canvas.grid.shape, OUTSIDE_MM, np.float32)
    everywhere[box] = np.where(allowed, level, np.minimum(level, -0.8))
    return everywhere
