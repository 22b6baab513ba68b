"""The cards of the summary page: risk, sizes, contributions, quality."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from dicom_io.results.page_text import wrapped
from dicom_io.results.segments import tracking_id
from dicom_io.results.summary_style import (
    ALERT,
    BODY,
    CATEGORY_INK,
    INK,
    LINE,
    MARGIN,
    PAGE,
    QUIET,
    SMALL,
    TUMOUR,
    card,
    write,
)
from dicom_io.results.wording import CLASSIFIER_TITLES, ROLE_TITLES, feature_title, in_words, together
from pipeline.analysis import Analysis, Lesion, Risk
from pipeline.quality.worth import weakness
from pipeline.study import Analyte, Role

MOST_LESIONS = 4
"""Rows of the card; where there are more lesions, the last row counts them."""
FIRST_ROW, ROW_STEP = 0.69, 0.165
"""Of the lesions, in heights of their card."""
TEXT_COLUMNS = 66
"""Characters that fit a card in one line of small text."""
LINE_STEP, LAST_LINE = 0.1, -0.02
"""Of small text, and where the bottom of the last line may be, in heights of the lowest card."""

_SCALE = LinearSegmentedColormap.from_list("risk", ["#2f7d5b", "#a98327", "#a63f46"])

Box = tuple[float, float, float, float]


def draw_risk(figure: Figure, risk: Risk | None, lesions: int, box: Box) -> None:
    """Draw the risk with its interval on a scale from 0 to 1 that shows the threshold."""
    axes = card(figure, *box, title="Risk of microvascular invasion")
    if risk is None:
        write(axes, 0.034, 0.62, "No lesion segmented", fontsize=20, fontweight="bold")
        write(axes, 0.034, 0.40, "No risk was computed. This does not exclude a lesion.", color=QUIET)
        return
    weak = bool(weakness(risk.left_out_auc))
    # The colours of danger are kept for a model that tells the outcomes apart.
    ink = INK if weak else CATEGORY_INK[risk.category]
    if weak:
        write(axes, 0.966, 0.93, "weak model: see warnings", fontsize=SMALL, color=ALERT, ha="right", va="top")
    number = f"{100 * risk.probability:.0f} %" if risk.calibrated else f"{risk.probability:.2f}"
    write(axes, 0.034, 0.835, number, fontsize=36, fontweight="bold", color=ink)
    write(axes, 0.42, 0.80, _category_title(risk), fontsize=17, fontweight="bold", color=ink)
    kind = "" if risk.calibrated else "score, "
    write(axes, 0.42, 0.645, f"{kind}95 % interval {_range(risk)}", color=QUIET, fontsize=BODY)
    _draw_scale(figure, risk, box)
    lines = basis_lines(risk, lesions)
    top = 0.175 if len(lines) < 3 else 0.222
    write(axes, 0.034, top, "\n".join(lines), fontsize=SMALL, color=QUIET, linespacing=1.35)


def basis_lines(risk: Risk, lesions: int = 1) -> list[str]:
    """Say in two lines what the risk rests on, and name each laboratory value that is missing.

    Where there are several lesions, up to three lines say that it is that of all of them.
    """
    used = together(lesions)
    used += "" if risk.calibrated else "Not calibrated: no probability. "
    used += f"Classifier: {CLASSIFIER_TITLES[risk.classifier]}."
    if len(risk.missing_clinical) == len(Analyte):
        used += " No laboratory values."
    elif risk.missing_clinical:
        used += f" Without {', '.join(feature_title(name) for name in risk.missing_clinical)}."
    return _wrapped(used, 3 if lesions > 1 else 2)


def draw_lesions(figure: Figure, lesions: tuple[Lesion, ...], box: Box) -> None:
    """List number, longest diameter and volume of the largest lesions."""
    axes = card(figure, *box, title="Lesions")
    for x, heading in ((0.60, "longest diameter"), (0.96, "volume")):
        write(axes, x, 0.90, heading, fontsize=SMALL, color=QUIET, ha="right")
    if not lesions:
        write(axes, 0.034, FIRST_ROW, "none", color=QUIET)
    hidden = len(lesions) - MOST_LESIONS + 1 if len(lesions) > MOST_LESIONS else 0
    rows = lesions[: len(lesions) - hidden]
    for number, lesion in enumerate(rows):
        y = FIRST_ROW - ROW_STEP * number
        write(axes, 0.034, y, tracking_id(lesion.number))
        write(axes, 0.60, y, f"{lesion.longest_diameter_mm:.0f} mm", ha="right")
        write(axes, 0.96, y, f"{lesion.volume_cm3:.1f} cm³", ha="right")
    if hidden:
        write(axes, 0.034, FIRST_ROW - ROW_STEP * len(rows), f"and {hidden} smaller, in the report", color=ALERT)


def draw_contributions(figure: Figure, analysis: Analysis, box: Box) -> None:
    """Draw the share of each sequence and region in the risk, to the right where it raises it."""
    background = card(figure, *box, title="What contributed most")
    if analysis.features is None:
        write(background, 0.034, 0.80, "nothing: no risk was computed", color=QUIET)
        return
    left, bottom, width, height = box
    axes = figure.add_axes((left + 0.325 * width, bottom + 0.135 * height, 0.635 * width, 0.69 * height))
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    shares = analysis.features.contributions
    rows = np.arange(len(Role))
    for region, colour, shift in (("tumour", TUMOUR, -0.19), ("margin", MARGIN, 0.19)):
        values = [float(shares.get((role, region), 0.0)) for role in Role]
        axes.barh(rows + shift, values, height=0.34, color=colour, label=region)
    reach = max([abs(float(value)) for value in shares.values()], default=0.0) or 1.0
    axes.set(xlim=(-1.08 * reach, 1.08 * reach), ylim=(len(Role) - 0.5, -0.5), xticks=[])
    axes.set_yticks(rows, [ROLE_TITLES[role] for role in Role])
    axes.tick_params(axis="y", length=0, labelsize=SMALL, labelcolor=INK, pad=6)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    write(axes, 0.0, -0.03, "lowers the risk", fontsize=SMALL, color=QUIET)
    write(axes, 1.0, -0.03, "raises the risk", fontsize=SMALL, color=QUIET, ha="right")
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.02, 1.0),
        ncols=2,
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        handlelength=0.9,
        columnspacing=1.2,
        borderpad=0.1,
    )


def draw_quality(figure: Figure, analysis: Analysis, box: Box) -> None:
    """Say which gates were passed and what the reader is warned of."""
    axes = card(figure, *box, title="Quality and warnings")
    passed = sum(gate.passed for gate in analysis.gates)
    told = f"{passed} of {len(analysis.gates)} quality gates passed; their values are in the report."
    y = _write_lines(axes, 0.80, _wrapped(told, 3), INK)
    if not analysis.warnings:
        _write_lines(axes, y, ["No warnings."], QUIET)
    for number, warning in enumerate(analysis.warnings):
        lines = _wrapped(f"! {in_words(warning)}", 3)
        hidden = len(analysis.warnings) - number
        # The last line is kept for the count of what does not fit.
        needed = len(lines) + (hidden > 1)
        if y - needed * LINE_STEP < LAST_LINE:
            more = f"{hidden} more warning{'s' if hidden > 1 else ''} in the report"
            _write_lines(axes, y, [more], ALERT)
            return
        y = _write_lines(axes, y, lines, ALERT)


def _draw_scale(figure: Figure, risk: Risk, box: Box) -> None:
    left, bottom, width, height = box
    axes = figure.add_axes((left + 0.034 * width, bottom + 0.30 * height, 0.932 * width, 0.21 * height))
    axes.set(xlim=(0, 1), ylim=(0, 1), yticks=[], facecolor="none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=_SCALE, extent=(0, 1, 0.30, 0.62), aspect="auto")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axes.tick_params(axis="x", length=0, labelsize=SMALL, labelcolor=QUIET, pad=-1)
    lower, upper = (float(np.clip(bound, 0, 1)) for bound in risk.interval_95)
    axes.plot([lower, upper], [0.46, 0.46], color=INK, linewidth=3.0, solid_capstyle="butt")
    for bound in (lower, upper):
        axes.plot([bound, bound], [0.34, 0.58], color=INK, linewidth=1.6)
    axes.plot([risk.threshold] * 2, [0.22, 0.78], color=LINE, linewidth=4)
    axes.plot([risk.threshold] * 2, [0.22, 0.78], color=INK, linewidth=1.4)
    # Last: where the risk lies at the threshold, its point must not be cut in two.
    axes.plot([risk.probability], [0.46], "o", markersize=10, color=INK, markeredgecolor=PAGE, markeredgewidth=1.5)
    # Near an end of the scale the label would leave the card.
    side = "left" if risk.threshold < 0.15 else "right" if risk.threshold > 0.85 else "center"
    write(axes, risk.threshold, 0.82, f"threshold {risk.threshold:.2f}", fontsize=SMALL, ha=side, va="bottom")
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _wrapped(text: str, most_lines: int) -> list[str]:
    return wrapped(text, TEXT_COLUMNS, most_lines=most_lines)


def _write_lines(axes: Axes, y: float, lines: list[str], colour: str) -> float:
    """Write small lines from `y` downwards and return where the next may start."""
    for line in lines:
        write(axes, 0.034, y, line, fontsize=SMALL, color=colour)
        y -= LINE_STEP
    return y


def _category_title(risk: Risk) -> str:
    return f"{risk.category.value.capitalize()} risk"


def _range(risk: Risk) -> str:
    lower, upper = risk.interval_95
    if risk.calibrated:
        return f"{100 * lower:.0f} to {100 * upper:.0f} %"
    return f"{lower:.2f} to {upper:.2f}"
