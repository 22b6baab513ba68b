"""Aorta, vena cava, portal and hepatic veins, gallbladder and bile duct."""

import numpy as np

from pipeline.phantom.body_wall import SKIN_MM, Habitus
from pipeline.phantom.canvas import Canvas, Point
from pipeline.phantom.shapes import ellipsoid, tube
from pipeline.phantom.tissues import Tissue

HEPATIC = (Tissue.LIVER, Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN)
RETROHEPATIC = (Tissue.LIVER, Tissue.VISCERAL_FAT, Tissue.BOWEL, Tissue.PANCREAS, Tissue.LUNG)


def vertebra_front_mm(habitus: Habitus) -> float:
    """Return y of the anterior edge of the vertebral bodies, mm."""
    back = habitus.half_depth_mm - SKIN_MM - habitus.fat_mm * 1.2 - habitus.muscle_mm * 1.3
    return back - 37 * habitus.scale


def paint_great_vessels(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Paint aorta with its first branches, vena cava, renal and splenic veins."""
    s = habitus.scale
    front = vertebra_front_mm(habitus)
    height = float(canvas.axes_mm[2][-1])
    aorta_x, aorta_y, radius = 11 * s, front - 9 * s, float(rng.uniform(8.5, 11.5))
    over = (*RETROHEPATIC, Tissue.SPLEEN, Tissue.BONE_MARROW, Tissue.MUSCLE)
    tube(
        canvas,
        Tissue.AORTA,
        [(aorta_x, aorta_y, -height), (aorta_x + 3, aorta_y + 2, height)],
        [radius, radius + 2],
        over=over,
    )
    tube(
        canvas,
        Tissue.AORTA,
        [(aorta_x, aorta_y - 8, 2), (aorta_x - 3, aorta_y - 24, -6), (aorta_x + 2, aorta_y - 28, -60)],
        [3.5, 3.5, 3.5],
        over=over,
    )
    cava_x = -22 * s
    cava: list[Point] = [
        (cava_x, front - 4 * s, -height),
        (cava_x, front - 10 * s, 0),
        (cava_x + 4, front - 22 * s, 80 * s),
    ]
    top = (cava_x + 16, front - 36 * s, habitus.dome_right_mm + 14)
    tube(canvas, Tissue.VENA_CAVA, [*cava, top], [10, 11, 12, 13], over=over)
    renal = [(cava_x, front - 8 * s, -48 * s), (aorta_x, aorta_y - 13, -42 * s), (44 * s, 38 * s, -44 * s)]
    tube(canvas, Tissue.VENA_CAVA, renal, [4, 4, 4], over=(Tissue.VISCERAL_FAT, Tissue.BOWEL))


def paint_hepatic_vessels(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Paint the portal tree from the splenic confluence and the three hepatic veins to the vena cava."""
    s = habitus.scale
    front = vertebra_front_mm(habitus)

    def near(point: Point, spread: float = 5.0) -> Point:
        moved = np.array(point) * s + rng.uniform(-spread, spread, 3)
        return float(moved[0]), float(moved[1]), float(moved[2])

    confluence, hilum = near((2, -14, -34), 2), near((-30, -10, 6), 3)
    right, left = near((-62, -2, 14), 4), near((2, -34, 30), 4)
    path_over = (*HEPATIC, Tissue.VISCERAL_FAT, Tissue.BOWEL, Tissue.PANCREAS)
    tube(canvas, Tissue.PORTAL_VEIN, [confluence, hilum], [6.5, 7], over=path_over)
    splenic = [confluence, (45 * s, 4 * s, -8 * s), (88 * s, 24 * s, 14 * s)]
    tube(canvas, Tissue.PORTAL_VEIN, splenic, [5, 4.5, 4], over=path_over)
    tube(
        canvas,
        Tissue.PORTAL_VEIN,
        [confluence, (confluence[0] + 4, confluence[1] - 4, -100 * s)],
        [5, 5],
        over=path_over,
    )
    tube(canvas, Tissue.PORTAL_VEIN, [hilum, right], [6, 5], over=HEPATIC)
    tube(canvas, Tissue.PORTAL_VEIN, [hilum, left], [5.5, 4.5], over=HEPATIC)
    for start, ends in (
        (right, ((-92, -32, 34), (-98, 26, 36), (-92, -36, -18), (-94, 30, -16))),
        (left, ((34, -50, 34), (12, -58, 10), (-18, -62, 20))),
    ):
        for end in ends:
            _branch(canvas, Tissue.PORTAL_VEIN, start, near(end, 8), 3.6, rng)
    root: Point = (-16 * s, front - 24 * s, 74 * s)
    for end in ((-104, 14, 12), (-52, -50, 8), (26, -42, 34)):
        _branch(canvas, Tissue.HEPATIC_VEIN, root, near(end, 8), 5.0, rng)


def _branch(
    canvas: Canvas, tissue: Tissue, start: Point, end: Point, radius: float, rng: np.random.Generator
) -> None:
    """A vein that bends once and gives off three twigs."""
    first, last = np.array(start), np.array(end)
    middle = (first + last) / 2 + rng.uniform(-8, 8, 3)
    tube(canvas, tissue, [start, tuple(middle), end], [radius, 0.8 * radius, 0.5 * radius], over=HEPATIC)
    length = float(np.linalg.norm(last - first))
    for share in (0.4, 0.65, 0.85):
        origin = (
            first + share * (last - first)
            if share > 0.5
            else (first + middle) / 2 + (middle - first) * (share - 0.25)
        )
        twig = origin + (last - first) / length * 15 + rng.uniform(-22, 22, 3)
        tube(canvas, tissue, [tuple(origin), tuple(twig)], [0.55 * radius, 1.2], over=HEPATIC)


def paint_biliary(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    """Paint the gallbladder in its fossa and the common bile duct."""
    s = habitus.scale
    size = float(rng.uniform(0.7, 1.15))
    centre = (-50 * s, -40 * s, -26 * s + float(rng.uniform(-6, 6)))
    level, box = ellipsoid(canvas, centre, (13 * size, 15 * size, 29 * size), tilt_deg=(-30, 15, 0))
    over = (*HEPATIC, Tissue.VISCERAL_FAT, Tissue.BOWEL)
    canvas.paint(Tissue.GALLBLADDER, level, box, over=over)
    duct = [(-36 * s, -16 * s, 6 * s), (-24 * s, -16 * s, -18 * s), (-30 * s, -2 * s, -48 * s)]
    tube(canvas, Tissue.BILE_DUCT, duct, [2.2, 3.0, 3.0], over=(*over, Tissue.PANCREAS))
