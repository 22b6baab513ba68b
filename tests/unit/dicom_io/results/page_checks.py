"""A page as the tests draw it, and what must hold for the texts of every page."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from dicom_io.results.product import Product
from dicom_io.results.summary_page import draw_summary
from dicom_io.results.summary_style import CARD
from pipeline.analysis import Analysis
from tests.unit.dicom_io.results.synthetic_study import (
    MODEL,
    STUDY_UID,
)

PRODUCT = Product("0.1.0", MODEL)


def page_of(analysis: Analysis) -> npt.NDArray[np.uint8]:
    return draw_summary(analysis, PRODUCT, STUDY_UID, margin_mm=5.0, place="series 8, image 18")


def assert_texts_are_whole(figure: Figure) -> None:
    """Every text lies on the page, and within its card or picture; labels of axes may stand outside them."""
    # Legends find their place only when they are drawn.
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]  # matplotlib annotates its canvas in part
    for text in figure.findobj(Text):
        if not isinstance(text, Text) or not text.get_text() or not text.get_visible():
            continue
        box = text.get_window_extent()
        axes = text.axes
        on_card = isinstance(axes, Axes) and text in axes.texts and axes.get_facecolor() == to_rgba(CARD)
        page = axes.bbox if axes is not None and on_card else figure.bbox
        inside = (
            page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1 and page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1
        )
        assert inside, f"{text.get_text()!r} at {box} leaves {page}"


def assert_texts_do_not_overlap(figure: Figure) -> None:
    """No two texts of a card cover one another."""
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]  # matplotlib annotates its canvas in part
    cards = [axes for axes in figure.axes if axes.get_facecolor() == to_rgba(CARD)]
    for axes in cards:
        boxes = [(text.get_text(), text.get_window_extent()) for text in axes.texts if text.get_text()]
        for number, (name, box) in enumerate(boxes):
            for other, beside in boxes[number + 1 :]:
                assert not box.overlaps(beside), f"{name!r} covers {other!r}"
