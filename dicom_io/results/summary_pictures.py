"""The six pictures of the summary page: outline, margin ring, orientation marks and scale bar."""

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicom_io.results.summary_scene import Scene
from dicom_io.results.summary_style import INK, LINE, MARGIN, QUIET, SMALL, TITLE, TUMOUR, write
from dicom_io.results.wording import ROLE_TITLES
from pipeline.study import Role

BRIGHTEST_PERCENTILE = 99.5
"""Of the values inside liver, lesions and margins."""
HEADROOM = 1.15
"""Factor from there to white, so that the brightest liver still has structure."""
WHITE_LIVERS = 7.0
"""White is at most so many times the liver beside lesions: fluid in a large one would turn the liver black."""
SCALE_BAR_MM = 50.0
LABEL_OFFSET_MM = 6.0

_HALO = [patheffects.withStroke(linewidth=2.6, foreground="black")]


def draw_pictures(
    figure: Figure, scene: Scene, *, left: float, bottom: float, width: float, height: float
) -> None:
    """Draw the six sequences, two in a row, in a part of the page (figure coordinates)."""
    columns, rows, gap = 2, 3, 0.006
    for number, role in enumerate(Role):
        row, column = divmod(number, columns)
        box_width, box_height = (width - gap) / columns, (height - 2 * gap) / rows
        axes = figure.add_axes(
            (
                left + column * (box_width + gap),
                bottom + (rows - 1 - row) * (box_height + gap),
                box_width,
                box_height,
            )
        )
        _draw_picture(axes, scene, role)


def _draw_picture(axes: Axes, scene: Scene, role: Role) -> None:
    axes.set(facecolor="black", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color(LINE)
    picture = scene.pictures.get(role)
    if picture is None:
        write(axes, 0.5, 0.5, "not available", color=QUIET, ha="center", va="center")
    else:
        darkest, brightest = _grey_levels(picture, scene)
        axes.imshow(
            picture,
            cmap="gray",
            vmin=darkest,
            vmax=brightest,
            extent=scene.edges_mm,
            interpolation="bilinear",
        )
    _draw_outlines(axes, scene)
    left, right, top, bottom = scene.window_mm
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="auto")
    write(axes, 0.018, 0.965, ROLE_TITLES[role], fontsize=TITLE, fontweight="bold", path_effects=_HALO)
    _draw_marks(axes, scene)
    _draw_scale_bar(axes, scene)


def _grey_levels(picture: npt.NDArray[np.float32], scene: Scene) -> tuple[float, float]:
    """Stretch the grey levels over the liver: fluid and enhanced arteries are far brighter, and may saturate."""
    values = picture[scene.organ & (picture != 0)]
    if values.size == 0:
        return 0.0, 1.0
    brightest = float(np.percentile(values, BRIGHTEST_PERCENTILE)) * HEADROOM
    liver = picture[scene.organ & (scene.lesions == 0) & (scene.margins == 0) & (picture != 0)]
    if liver.size and (usual := float(np.median(liver))) > 0:
        brightest = min(brightest, WHITE_LIVERS * usual)
    darkest = min(0.0, float(values.min()))
    return darkest, max(brightest, darkest + 1e-6)


def _draw_outlines(axes: Axes, scene: Scene) -> None:
    rows, columns = scene.lesions.shape
    x, y = np.arange(columns) * scene.spacing_xy_mm[0], np.arange(rows) * scene.spacing_xy_mm[1]
    ring = scene.margins > 0
    if ring.any():
        outer = (ring | (scene.lesions > 0)).astype(float)
        axes.contour(x, y, outer, levels=[0.5], colors=MARGIN, linewidths=1.1, linestyles="dashed")
    for number in np.union1d(scene.lesions[scene.lesions > 0], scene.margins[ring]):
        mask = scene.lesions == number
        if mask.any():
            axes.contour(x, y, mask.astype(float), levels=[0.5], colors=TUMOUR, linewidths=1.7)
        if scene.is_numbered:
            # A lesion on the neighbouring slices reaches this one with its margin alone.
            j, i = np.nonzero(mask if mask.any() else scene.margins == number)
            # Beside the lesion: on a small one the number would cover it.
            axes.text(
                x[i].max() + LABEL_OFFSET_MM,
                y[j].min() - LABEL_OFFSET_MM,
                str(number),
                color=INK,
                fontweight="bold",
                ha="center",
                va="center",
                path_effects=_HALO,
                clip_on=True,
            )


def _draw_marks(axes: Axes, scene: Scene) -> None:
    places = (
        (0.018, 0.5, "left", "center"),
        (0.982, 0.5, "right", "center"),
        (0.5, 0.965, "center", "top"),
        (0.5, 0.035, "center", "bottom"),
    )
    for letter, (x, y, across, up) in zip(scene.marks, places, strict=True):
        write(axes, x, y, letter, color=INK, fontweight="bold", ha=across, va=up, path_effects=_HALO)


def _draw_scale_bar(axes: Axes, scene: Scene) -> None:
    left, right, top, bottom = scene.window_mm
    start, level = right - 0.025 * (right - left), bottom - 0.06 * (bottom - top)
    axes.plot(
        [start - SCALE_BAR_MM, start],
        [level, level],
        color=INK,
        linewidth=2.5,
        solid_capstyle="butt",
        path_effects=[patheffects.withStroke(linewidth=4.5, foreground="black")],
    )
    axes.text(
        start - SCALE_BAR_MM / 2,
        level - 0.02 * (bottom - top),
        f"{SCALE_BAR_MM / 10:g} cm",
        color=INK,
        fontsize=SMALL,
        ha="center",
        va="bottom",
        path_effects=_HALO,
    )
