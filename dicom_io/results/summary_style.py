"""Colours, sizes and small drawing steps of the summary page: a dark page for a dark room."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicom_io.results.page_text import families
from dicom_io.results.segmentation import MARGIN_RGB, TUMOUR_RGB
from pipeline.analysis import RiskCategory

WIDTH_PX, HEIGHT_PX = 1400, 1000
"""At 1 x it fits the screens of reading rooms, and most viewports without scaling."""
DPI = 100

PAGE, CARD, LINE = "#0d1014", "#171c23", "#2b333d"
INK, QUIET, ALERT = "#eef2f6", "#9fadbb", "#ffb454"
TUMOUR = "#{:02x}{:02x}{:02x}".format(*TUMOUR_RGB)
MARGIN = "#{:02x}{:02x}{:02x}".format(*MARGIN_RGB)
CATEGORY_INK = {
    RiskCategory.LOW: "#5fd39a",
    RiskCategory.MODERATE: "#ffc44d",
    RiskCategory.HIGH: "#ff6b6b",
    RiskCategory.UNCERTAIN: "#b9c4d0",
}
TITLE, BODY, SMALL = 12.0, 10.0, 8.5


def write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write in axes coordinates; a dollar sign is a dollar sign."""
    defaults: dict[str, Any] = {"color": INK, "fontsize": BODY, "va": "top", "ha": "left"}
    if "fontweight" not in style:
        # What is bold is ours, and few fonts of other scripts have a bold face.
        defaults["family"] = families()
    axes.text(x, y, text, transform=axes.transAxes, parse_math=False, **(defaults | style))


def card(figure: Figure, left: float, bottom: float, width: float, height: float, title: str = "") -> Axes:
    """Lay a panel on the page, in figure coordinates; its axes run from 0 to 1 and show nothing."""
    axes = figure.add_axes((left, bottom, width, height))
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], facecolor=CARD)
    for spine in axes.spines.values():
        spine.set_color(LINE)
    if title:
        inset_px = 14
        write(
            axes, inset_px / (width * WIDTH_PX), 1 - 11 / (height * HEIGHT_PX), title, color=QUIET, fontsize=BODY
        )
    return axes
