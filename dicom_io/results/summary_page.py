"""The summary page: for the many viewers that show neither SEG nor SR."""

import textwrap
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dicom_io.results.product import RESEARCH_NOTICE, Product
from dicom_io.results.refusal_report import Refusal
from dicom_io.results.summary_cards import draw_contributions, draw_lesions, draw_quality, draw_risk
from dicom_io.results.summary_pictures import draw_pictures
from dicom_io.results.summary_scene import make_scene
from dicom_io.results.summary_style import (
    ALERT,
    BODY,
    DPI,
    HEIGHT_PX,
    INK,
    LINE,
    MARGIN,
    PAGE,
    QUIET,
    SMALL,
    TUMOUR,
    WIDTH_PX,
    card,
    write,
)
from pipeline.analysis import Analysis

Rgb = npt.NDArray[np.uint8]

_CARD_LEFT, _CARD_WIDTH = 0.672, 0.316


def draw_summary(
    analysis: Analysis, product: Product, study_instance_uid: str, *, margin_mm: float, place: str
) -> Rgb:
    """Draw the page of an analysis.

    Nothing on it names the patient: the viewer shows the name from the header.

    Parameters
    ----------
    analysis
        What is shown.
    product
        Software and model.
    study_instance_uid
        For the foot of the page.
    margin_mm
        Width of the margin, for the legend.
    place
        Where a viewer shows the slice of the pictures, such as ``series 8, image 18``.

    Returns
    -------
    numpy.ndarray
        (1000, 1400, 3) uint8, RGB.
    """
    return _render(summary_figure(analysis, product, study_instance_uid, margin_mm=margin_mm, place=place))


def draw_refusal(refusal: Refusal, product: Product, study_instance_uid: str) -> Rgb:
    """Draw the page of a refusal: what is missing and what would help."""
    return _render(refusal_figure(refusal, product, study_instance_uid))


def summary_figure(
    analysis: Analysis, product: Product, study_instance_uid: str, *, margin_mm: float, place: str
) -> Figure:
    """Compose the page of an analysis; see `draw_summary`."""
    figure = _page("Microvascular invasion of liver tumours")
    scene = make_scene(analysis)
    draw_pictures(figure, scene, left=0.012, bottom=0.088, width=0.648, height=0.842)
    draw_risk(figure, analysis.risk, (_CARD_LEFT, 0.700, _CARD_WIDTH, 0.230))
    draw_lesions(figure, analysis.lesions, (_CARD_LEFT, 0.558, _CARD_WIDTH, 0.132))
    draw_contributions(figure, analysis, (_CARD_LEFT, 0.288, _CARD_WIDTH, 0.260))
    draw_quality(figure, analysis, (_CARD_LEFT, 0.088, _CARD_WIDTH, 0.190))
    of_series = f": {place}" if place else ""
    _legend(
        figure, f"All registered to the hepatobiliary phase{of_series}.", margin_mm if analysis.lesions else None
    )
    _foot(figure, product, study_instance_uid)
    return figure


def refusal_figure(refusal: Refusal, product: Product, study_instance_uid: str) -> Figure:
    """Compose the page of a refusal; see `draw_refusal`."""
    figure = _page("Microvascular invasion of liver tumours")
    axes = card(figure, 0.012, 0.088, 0.976, 0.842)
    write(axes, 0.03, 0.945, "This study was not analysed", fontsize=24, fontweight="bold", color=ALERT)
    y = _paragraph(figure, refusal.message, 0.835, 17, INK, 95)
    if refusal.remedy:
        y = _paragraph(figure, f"What would help: {refusal.remedy}", y - 0.012, 14, INK, 115)
    y = _paragraph(
        figure, f"Code {refusal.code}. No segmentation and no risk were computed.", y - 0.012, 11, QUIET, 140
    )
    y -= 0.02
    for sentence in refusal.details:
        if y < 0.14:
            _paragraph(figure, "More in the report.", y, BODY, QUIET, 150)
            break
        y = _paragraph(figure, sentence, y, BODY, QUIET, 150)
    _foot(figure, product, study_instance_uid)
    return figure


def _page(title: str) -> Figure:
    # The object interface: pyplot would keep figures in a module, and workers are many.
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, facecolor=PAGE)
    figure.text(0.012, 0.966, title, color=INK, fontsize=17, fontweight="bold", va="center")
    figure.text(
        0.983,
        0.966,
        RESEARCH_NOTICE,
        color=PAGE,
        fontsize=11.5,
        fontweight="bold",
        ha="right",
        va="center",
        bbox={"boxstyle": "round,pad=0.45", "facecolor": ALERT, "edgecolor": "none"},
    )
    return figure


def _paragraph(figure: Figure, text: str, y: float, size: float, colour: str, columns: int) -> float:
    """Write wrapped lines from `y` downwards, in figure coordinates; return where the next may start."""
    step = 1.55 * size * DPI / 72 / HEIGHT_PX
    for line in textwrap.wrap(text, columns, max_lines=4, placeholder=" ..."):
        figure.text(0.041, y, line, color=colour, fontsize=size, va="top", parse_math=False)
        y -= step
    return y


def _legend(figure: Figure, text: str, margin_mm: float | None) -> None:
    figure.text(0.012, 0.070, text, color=QUIET, fontsize=SMALL, va="center")
    if margin_mm is None:
        return
    entries = (
        (0.462, "tumour", TUMOUR, "solid"),
        (0.540, f"{margin_mm:g} mm peritumoural margin", MARGIN, "dashed"),
    )
    for x, name, colour, style in entries:
        axes = figure.add_axes((x - 0.020, 0.064, 0.016, 0.012))
        axes.plot([0, 1], [0.5, 0.5], color=colour, linestyle=style, linewidth=1.7)
        axes.axis("off")
        figure.text(x, 0.070, name, color=INK, fontsize=SMALL, va="center")


def _foot(figure: Figure, product: Product, study_instance_uid: str) -> None:
    model = product.model
    name = "No model was used" if model is None else f"Model {model.name} {model.version}, {model.intended_use}"
    checksum = "" if model is None else f"SHA-256 {model.sha256}"
    rule = figure.add_axes((0.012, 0.052, 0.976, 0.001))
    rule.set(xticks=[], yticks=[], facecolor=LINE)
    for spine in rule.spines.values():
        spine.set_visible(False)
    style: dict[str, Any] = {"fontsize": SMALL, "va": "center", "parse_math": False}
    figure.text(0.012, 0.036, textwrap.shorten(name, 110, placeholder=" ..."), color=INK, **style)
    figure.text(0.012, 0.016, checksum, color=QUIET, **style)
    figure.text(0.988, 0.036, f"mvi-node {product.software_version}", color=QUIET, ha="right", **style)
    figure.text(0.988, 0.016, f"Study {study_instance_uid}", color=QUIET, ha="right", **style)


def _render(figure: Figure) -> Rgb:
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # A series description may hold characters that the bundled font lacks; the report has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib annotates its canvas in part
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # as above
    return rgba[..., :3].copy()
