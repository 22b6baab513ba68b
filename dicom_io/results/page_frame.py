"""What the page of an analysis and that of a refusal have in common: title, notice, foot."""

import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dicom_io.results.product import RESEARCH_NOTICE, Product
from dicom_io.results.summary_style import ALERT, DPI, HEIGHT_PX, INK, LINE, PAGE, QUIET, SMALL, WIDTH_PX

Rgb = npt.NDArray[np.uint8]

TITLE = "Microvascular invasion of liver tumours"


def new_page() -> Figure:
    """Return a page with title and research notice."""
    # The object interface: pyplot would keep figures in a module, and workers are many.
    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, facecolor=PAGE)
    figure.text(0.012, 0.966, TITLE, color=INK, fontsize=17, fontweight="bold", va="center")
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


def draw_foot(figure: Figure, product: Product, study_instance_uid: str) -> None:
    """Name model, software and study."""
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


def render(figure: Figure) -> Rgb:
    """Return the pixels of a page, (rows, columns, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib annotates its canvas in part
    rgba = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]  # as above
    return rgba[..., :3].copy()
