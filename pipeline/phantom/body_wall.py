"""Skin, subcutaneous fat, muscle, ribs, spine, and the two diaphragmatic domes."""

from dataclasses import dataclass

import numpy as np

from pipeline.phantom.canvas import Array, Canvas
from pipeline.phantom.tissues import Tissue

SKIN_MM = 2.2
ROUNDNESS = 2.35
"""Exponent of the superellipse of the trunk; 2 is an ellipse."""


@dataclass(frozen=True)
class Habitus:
    """Size and build of the patient, mm unless said.

    Parameters
    ----------
    half_width_mm, half_depth_mm
        Of the trunk, skin to skin.
    fat_mm, muscle_mm
        Thickness of the wall's layers.
    scale
        Size of the organs relative to a body of 330 x 220 mm.
    dome_right_mm, dome_left_mm
        Height of the diaphragm above the origin.
    """

    half_width_mm: float
    half_depth_mm: float
    fat_mm: float
    muscle_mm: float
    scale: float
    dome_right_mm: float
    dome_left_mm: float


def draw_habitus(rng: np.random.Generator) -> Habitus:
    """Draw a build."""
    fat = float(np.clip(rng.gamma(4.0, 3.8), 5, 32))
    inner_scale = float(rng.uniform(0.93, 1.05))
    muscle = float(rng.uniform(10, 15))
    half_width = 140 * inner_scale + fat + muscle
    half_depth = 88 * inner_scale + 0.8 * fat + muscle
    right = float(rng.uniform(80, 95))
    return Habitus(half_width, half_depth, fat, muscle, inner_scale, right, right - float(rng.uniform(5, 18)))


def dome_height(canvas: Canvas, habitus: Habitus) -> Array:
    """Return the height of the diaphragm above each (y, x), mm, (j, i)."""
    x, y, _ = canvas.axes_mm
    s = np.float32(habitus.scale)
    depth = ((y - 5 * s) ** 2)[:, None]
    right = habitus.dome_right_mm - ((x + 72 * s) ** 2)[None, :] / (135 * s) - depth / (135 * s)
    left = habitus.dome_left_mm - ((x - 72 * s) ** 2)[None, :] / (135 * s) - depth / (135 * s)
    # Smooth maximum of two paraboloids.
    return np.asarray(np.logaddexp(right / 8, left / 8) * 8, np.float32)


def paint_body(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> Array:
    """Paint the wall and the spine; return the level of the cavity, mm, (1, j, i)."""
    x, y, _ = canvas.axes_mm
    wide, deep = np.meshgrid(x, y)
    radius = np.hypot(wide, deep)
    norm = (
        np.abs(wide / habitus.half_width_mm) ** ROUNDNESS + np.abs(deep / habitus.half_depth_mm) ** ROUNDNESS
    ) ** (1 / ROUNDNESS)
    depth_mm = radius * (1 / np.maximum(norm, 1e-3) - 1)
    # Fat is thicker at the flanks and back than over the ribs in front.
    angle = np.arctan2(deep, wide)
    fat = habitus.fat_mm * (1 + 0.25 * np.sin(angle) + 0.1 * np.cos(3 * angle + rng.uniform(0, 6)))
    muscle = habitus.muscle_mm * (1 + 0.5 * np.clip(np.sin(angle), 0, 1) ** 3)
    plane = np.full(radius.shape, Tissue.AIR, np.uint8)
    plane[depth_mm > 0] = Tissue.SKIN
    plane[depth_mm > SKIN_MM] = Tissue.SUBCUTANEOUS_FAT
    plane[depth_mm > SKIN_MM + fat] = Tissue.MUSCLE
    cavity: Array = (depth_mm - SKIN_MM - fat - muscle).astype(np.float32)
    plane[cavity > 0] = Tissue.VISCERAL_FAT
    canvas.labels[:] = plane
    _paint_ribs(canvas, cavity, muscle.astype(np.float32), rng)
    _paint_spine(canvas, habitus)
    return cavity[None]


def _paint_ribs(canvas: Canvas, cavity: Array, muscle: Array, rng: np.random.Generator) -> None:
    """Ribs run obliquely in the inner half of the muscle: bands of 10 mm every 28 mm."""
    x, y, z = canvas.axes_mm
    ring = (cavity < -1.5) & (cavity > -0.6 * muscle) & (np.abs(x)[None, :] > 30)
    slope = 0.45 * (y[:, None] + 0 * x[None, :])
    phase = (z[:, None] + slope[ring][None, :] + rng.uniform(0, 28)) % 28.0
    columns = canvas.labels[:, ring]
    columns[(phase < 10) & (z[:, None] > -70)] = Tissue.BONE_MARROW
    canvas.labels[:, ring] = columns


def _paint_spine(canvas: Canvas, habitus: Habitus) -> None:
    x, y, z = canvas.axes_mm
    s = habitus.scale
    back = habitus.half_depth_mm - SKIN_MM - habitus.fat_mm * 1.2 - habitus.muscle_mm * 1.3
    body_y = back - 20 * s
    wide, deep = x[None, :], y[:, None]
    vertebra = np.hypot(wide / (22 * s), (deep - body_y) / (17 * s)) < 1
    canal_y = body_y + 26 * s
    canal = np.hypot(wide / (10 * s), (deep - canal_y) / (8 * s))
    arch = (np.hypot(wide / (19 * s), (deep - canal_y - 3) / (15 * s)) < 1) & (canal >= 1)
    psoas = np.hypot((np.abs(wide) - 45 * s) / (24 * s), (deep - body_y - 16 * s) / (20 * s)) < 1
    spinous = (np.abs(wide) < 4) & (deep > canal_y) & (deep < canal_y + 32 * s)
    disc = ((z + 9) % 34.0) < 7
    columns = canvas.labels[:, psoas]
    columns[(z < -5)[:, None] & (columns == Tissue.VISCERAL_FAT)] = Tissue.MUSCLE
    canvas.labels[:, psoas] = columns
    canvas.labels[:, vertebra | arch | spinous] = Tissue.BONE_MARROW
    # Discs: hydrated fibrocartilage, nearest to muscle of the tissues at hand.
    canvas.labels[np.ix_(disc, *[np.arange(n) for n in vertebra.shape])] = np.where(
        vertebra, Tissue.MUSCLE, canvas.labels[disc]
    )
    canvas.labels[:, canal < 1] = Tissue.CEREBROSPINAL_FLUID
    canvas.labels[:, canal < 0.52] = Tissue.SPINAL_CORD
