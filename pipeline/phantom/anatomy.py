"""One random upper abdomen: tissues on a fine lattice and the liver's level function."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.geometry import Grid
from pipeline.phantom.body_wall import Habitus, draw_habitus, paint_body
from pipeline.phantom.canvas import Array, Canvas, new_canvas
from pipeline.phantom.liver import paint_liver
from pipeline.phantom.noise import periodic_field, tiled
from pipeline.phantom.organs import paint_bowel, paint_digestive, paint_retroperitoneum, paint_thorax
from pipeline.phantom.tissues import Tissue
from pipeline.phantom.vessels import paint_biliary, paint_great_vessels, paint_hepatic_vessels

WARP_MM = 7.0
LIVER_TISSUES = (Tissue.LIVER, Tissue.HEPATIC_VEIN, Tissue.PORTAL_VEIN, Tissue.BILE_DUCT)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The patient without tumour, in the position of the hepatobiliary phase.

    Parameters
    ----------
    grid
        Fine lattice, LPS mm, axis-aligned; the origin of space is inside the liver's hilum region.
    labels
        `Tissue`, (k, j, i) uint8.
    liver_level_mm
        Positive inside the liver (its vessels included), about the distance to the surface, (k, j, i) float32.
    fine_texture, coarse_texture
        Fields of unit variance, 3 mm and 7 mm smooth, (k, j, i) float32.
    """

    grid: Grid
    labels: npt.NDArray[np.uint8]
    liver_level_mm: Array
    fine_texture: Array
    coarse_texture: Array


def make_anatomy(rng: np.random.Generator, *, half_height_mm: float) -> Anatomy:
    """Draw an abdomen.

    Parameters
    ----------
    rng
        Every random choice comes from it.
    half_height_mm
        Half extent along the body, mm.
    """
    habitus = draw_habitus(rng)
    canvas = new_canvas(
        (habitus.half_width_mm + 6, habitus.half_depth_mm + 6, half_height_mm), rng, warp_mm=WARP_MM
    )
    spacing = canvas.grid.spacing_xyz_mm
    steps = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    fine = tiled(periodic_field(rng, steps, 2.0), canvas.grid.shape)
    coarse = tiled(periodic_field(rng, steps, 6.0), canvas.grid.shape)
    liver_level = _paint(canvas, habitus, rng, coarse)
    return Anatomy(canvas.grid, canvas.labels, liver_level, fine, coarse)


def _paint(canvas: Canvas, habitus: Habitus, rng: np.random.Generator, coarse: Array) -> Array:
    cavity = paint_body(canvas, habitus, rng)
    paint_thorax(canvas, habitus, rng)
    paint_bowel(canvas, coarse)
    paint_digestive(canvas, habitus, rng)
    paint_retroperitoneum(canvas, habitus, rng)
    level = paint_liver(canvas, habitus, cavity, rng, coarse)
    paint_hepatic_vessels(canvas, habitus, rng)
    paint_great_vessels(canvas, habitus, rng)
    paint_biliary(canvas, habitus, rng)
    outside = ~np.isin(canvas.labels, LIVER_TISSUES)
    # Organs painted over the liver (gallbladder, vena cava) are not liver; keep the level's sign in agreement.
    np.minimum(level, -0.8, out=level, where=outside)
    return level
