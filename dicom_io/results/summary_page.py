"""The summary page: for the many viewers that show neither SEG nor SR."""

from matplotlib.figure import Figure

from dicom_io.results.page_frame import Rgb, draw_foot, new_page, render
from dicom_io.results.product import Product
from dicom_io.results.summary_cards import draw_contributions, draw_lesions, draw_quality, draw_risk
from dicom_io.results.summary_pictures import draw_pictures
from dicom_io.results.summary_scene import make_scene
from dicom_io.results.summary_style import INK, MARGIN, QUIET, SMALL, TUMOUR
from pipeline.analysis import Analysis

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
    return render(summary_figure(analysis, product, study_instance_uid, margin_mm=margin_mm, place=place))


def summary_figure(
    analysis: Analysis, product: Product, study_instance_uid: str, *, margin_mm: float, place: str
) -> Figure:
    """Compose the page of an analysis; see `draw_summary`."""
    figure = new_page()
    scene = make_scene(analysis)
    draw_pictures(figure, scene, left=0.012, bottom=0.088, width=0.648, height=0.842)
    draw_risk(figure, analysis.risk, len(analysis.lesions), (_CARD_LEFT, 0.700, _CARD_WIDTH, 0.230))
    draw_lesions(figure, analysis.lesions, (_CARD_LEFT, 0.558, _CARD_WIDTH, 0.132))
    draw_contributions(figure, analysis, (_CARD_LEFT, 0.288, _CARD_WIDTH, 0.260))
    draw_quality(figure, analysis, (_CARD_LEFT, 0.088, _CARD_WIDTH, 0.190))
    of_series = f": {place}" if place else ""
    _legend(
        figure, f"All registered to the hepatobiliary phase{of_series}.", margin_mm if analysis.lesions else None
    )
    draw_foot(figure, product, study_instance_uid)
    return figure


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
