"""Lungs, heart, stomach, pancreas, bowel, spleen and kidneys."""

import numpy as np

from pipeline.phantom.body_wall import Habitus, dome_height
from pipeline.phantom.canvas import Array, Canvas
from pipeline.phantom.shapes import ellipsoid, tube
from pipeline.phantom.tissues import Tissue

FREE = (Tissue.VISCERAL_FAT, Tissue.BOWEL)


def paint_thorax(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Fill the cavity above the domes with lung and set the heart on the central tendon."""
    _, _, z = canvas.axes_mm
    dome = dome_height(canvas, habitus)
    above = z[:, None, None] > dome[None]
    canvas.labels[above & (canvas.labels == Tissue.VISCERAL_FAT)] = Tissue.LUNG
    s = habitus.scale
    top = 0.5 * (habitus.dome_right_mm + habitus.dome_left_mm)
    centre = (22 * s, -28 * s, top + 22 * s)
    heart, box = ellipsoid(canvas, centre, (62 * s, 42 * s, 44 * s), tilt_deg=(0, 15, float(rng.uniform(10, 30))))
    canvas.paint(Tissue.MYOCARDIUM, heart, box, over=(Tissue.LUNG, Tissue.VISCERAL_FAT))
    canvas.paint(Tissue.HEART_BLOOD, heart - np.float32(10), box, over=(Tissue.MYOCARDIUM,))


def paint_bowel(canvas: Canvas, texture: Array) -> None:
    """Fill the lower anterior cavity with loops: the positive part of a smooth random field."""
    x, y, z = canvas.axes_mm
    # The upper edge falls to the right and the back, where the liver and the kidneys lie.
    edge = 4 + 0.12 * x[None, None, :] - 0.1 * y[None, :, None] + 8 * texture
    low = z[:, None, None] < edge
    loops = (
        low & (canvas.y_mm + 6 * texture < 26) & (np.abs(texture) > 0.45) & (canvas.labels == Tissue.VISCERAL_FAT)
    )
    canvas.labels[loops] = Tissue.BOWEL


def paint_digestive(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Paint the stomach with content and an air bubble in front, and the pancreas."""
    s = habitus.scale
    jitter = rng.uniform(-5, 5, 3)
    fundus = (72 * s + jitter[0], 0 * s + jitter[1], 42 * s + jitter[2])
    body = (58 * s + jitter[0], -32 * s + jitter[1], 2 * s)
    fill = float(rng.uniform(0.75, 1.1))
    for centre, axes in ((fundus, (36, 34, 34)), (body, (32, 28, 48))):
        semi = (axes[0] * s * fill, axes[1] * s * fill, axes[2] * s * fill)
        level, box = ellipsoid(canvas, centre, semi)
        canvas.paint(Tissue.STOMACH_WALL, level, box, over=FREE)
        inner = level - np.float32(4)
        canvas.paint(Tissue.STOMACH_CONTENT, inner, box, over=(Tissue.STOMACH_WALL,))
    level, box = ellipsoid(canvas, body, (26 * s * fill, 22 * s * fill, 40 * s * fill))
    bubble = np.where(canvas.y_mm[box] < body[1] - 10 * s, level, np.float32(-1))
    canvas.paint(Tissue.AIR, bubble, box, over=(Tissue.STOMACH_CONTENT,))
    path = [
        (88 * s, 22 * s, 8 * s),
        (40 * s, -2 * s, -12 * s),
        (5 * s, -8 * s, -22 * s),
        (-28 * s, -4 * s, -42 * s),
    ]
    tube(canvas, Tissue.PANCREAS, path, [8 * s, 9 * s, 9 * s, 14 * s], over=FREE)
    duodenum = [(-38 * s, -18 * s, -22 * s), (-46 * s, -2 * s, -48 * s), (-36 * s, 6 * s, -80 * s)]
    tube(canvas, Tissue.BOWEL, duodenum, [11 * s, 12 * s, 12 * s], over=FREE)


def paint_retroperitoneum(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Paint spleen and kidneys; a kidney is cortex around medullary pyramids around a fatty sinus."""
    s = habitus.scale
    size = float(rng.uniform(0.85, 1.2))
    centre = (102 * s, 28 * s, 28 * s + float(rng.uniform(-8, 8)))
    spleen, box = ellipsoid(canvas, centre, (32 * s * size, 46 * s * size, 54 * s * size), tilt_deg=(20, 0, -25))
    replaced = (*FREE, Tissue.STOMACH_WALL, Tissue.STOMACH_CONTENT, Tissue.PANCREAS)
    canvas.paint(Tissue.SPLEEN, spleen, box, over=replaced)
    for side, height in ((-1.0, -62.0), (1.0, -46.0)):
        kidney = (side * 62 * s, 46 * s, (height + float(rng.uniform(-8, 8))) * s)
        _paint_kidney(canvas, kidney, side, s)


def _paint_kidney(canvas: Canvas, centre: tuple[float, float, float], side: float, s: float) -> None:
    fat, box = ellipsoid(canvas, centre, (38 * s, 36 * s, 66 * s), tilt_deg=(-10, side * 12, side * 35))
    canvas.paint(Tissue.VISCERAL_FAT, fat, box, over=(*FREE, Tissue.SPLEEN))
    level, box = ellipsoid(canvas, centre, (30 * s, 26 * s, 55 * s), tilt_deg=(-10, side * 12, side * 35))
    canvas.paint(Tissue.KIDNEY_CORTEX, level, box, over=FREE)
    # Pyramids: alternate along the surface, below 7 mm of cortex.
    x, y, z = (
        axis[box] - np.float32(c) for axis, c in zip((canvas.x_mm, canvas.y_mm, canvas.z_mm), centre, strict=True)
    )
    pyramids = np.cos(np.arctan2(y, x) * 5) + np.cos(z / np.float32(5)) > np.float32(-0.4)
    canvas.paint(
        Tissue.KIDNEY_MEDULLA, np.where(pyramids, level - 7, np.float32(-1)), box, over=(Tissue.KIDNEY_CORTEX,)
    )
    kidney = (Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA)
    hilum = (centre[0] - side * 10 * s, centre[1] - 6 * s, centre[2])
    sinus, box = ellipsoid(canvas, hilum, (15 * s, 11 * s, 26 * s))
    canvas.paint(Tissue.VISCERAL_FAT, sinus, box, over=kidney)
