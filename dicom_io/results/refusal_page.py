"""The page of a refusal: what is missing and what would help."""

from matplotlib.figure import Figure

from dicom_io.results.page_frame import Rgb, draw_foot, new_page, render
from dicom_io.results.page_text import NOTE, families, shown, wrapped
from dicom_io.results.product import Product
from dicom_io.results.refusal import Refusal
from dicom_io.results.summary_style import ALERT, BODY, DPI, HEIGHT_PX, INK, QUIET, card, write


def draw_refusal(refusal: Refusal, product: Product, study_instance_uid: str) -> Rgb:
    """Draw the page of a refusal: what is missing and what would help."""
    return render(refusal_figure(refusal, product, study_instance_uid))


def refusal_figure(refusal: Refusal, product: Product, study_instance_uid: str) -> Figure:
    """Compose the page of a refusal; see `draw_refusal`."""
    figure = new_page()
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
    if any(shown(sentence) != sentence for sentence in refusal.details):
        figure.text(0.041, 0.108, NOTE, color=QUIET, fontsize=BODY, va="center")
    draw_foot(figure, product, study_instance_uid)
    return figure


def _paragraph(figure: Figure, text: str, y: float, size: float, colour: str, columns: int) -> float:
    """Write wrapped lines from `y` downwards, in figure coordinates; return where the next may start."""
    step = 1.55 * size * DPI / 72 / HEIGHT_PX
    for line in wrapped(text, columns, most_lines=4):
        figure.text(0.041, y, line, color=colour, fontsize=size, va="top", parse_math=False, family=families())
        y -= step
    return y
