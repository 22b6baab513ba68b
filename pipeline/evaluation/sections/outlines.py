"""Table S2, figure 4 and the stability of features: how well outlines agree, and what it matters."""

import numpy as np
from matplotlib.lines import Line2D

from pipeline.evaluation.agreement import icc_2_1
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.intervals import mean_of_patients
from pipeline.evaluation.paper import PAPER_SEGMENTATION_DICE
from pipeline.evaluation.parts import Masks, Outline
from pipeline.evaluation.plots import COLOURS, QUIET, label, legend, new_figure
from pipeline.evaluation.rows import SEQUENCE_TITLES
from pipeline.evaluation.section import Section, Table, as_json, number
from pipeline.geometry import FloatArray
from pipeline.study import Role

GOOD, EXCELLENT = 0.75, 0.90
"""Koo and Li, J Chiropr Med 15(2), 2016. doi:10.1016/j.jcm.2016.02.012"""
MOST_OUTLINES = 4
MARGIN_MM = 25.0


def table_s2(cohort: EvaluationCohort) -> Section:
    """Average the Dice that extraction stored; patients that taught the segmentation are left out of its own."""
    if not cohort.agreement:
        raise EvaluationError(
            "EV-NONE",
            "the cohort has no manual outlines to compare with; name them in the cohort file and extract again",
        )
    taught = {
        patient for patient, taught in zip(cohort.patients, cohort.taught_segmentation, strict=True) if taught
    }
    strangers = [item for item in cohort.agreement if item.patient not in taught]
    rows: list[tuple[str, str, FloatArray]] = []
    for role in Role:
        pairs = np.array([item.registration[role] for item in cohort.agreement if role in item.registration])
        if len(pairs):
            title = SEQUENCE_TITLES[role]
            rows.append((f"registration_{role}_before", f"Registration, {title}, before", pairs[:, 0]))
            rows.append((f"registration_{role}_after", f"Registration, {title}, after", pairs[:, 1]))
            rows.append((f"registration_{role}_gain", f"Registration, {title}, gain", pairs[:, 1] - pairs[:, 0]))
    for role in Role:
        for key, what in (("segmentation", "tumour"), ("liver", "liver")):
            dice = [by_role[role] for item in strangers if role in (by_role := getattr(item, key))]
            if dice:
                rows.append(
                    (f"{key}_{role}", f"Segmentation of the {what}, {SEQUENCE_TITLES[role]}", np.array(dice))
                )
    means = {
        key: mean_of_patients(dice, (-1.0, 1.0) if key.endswith("_gain") else (0.0, 1.0)) for key, _, dice in rows
    }
    body = tuple(
        (title, str(len(dice)), str(means[key]), number(_spread(dice)), f"{np.median(dice):.3f}",
         f"{dice.min():.3f}", f"{dice.max():.3f}")
        for key, title, dice in rows
    )  # fmt: skip
    text = (
        "Dice: twice the common volume over the sum of both. Registration: the manual outline of a sequence "
        "with that of the hepatobiliary phase, before and after; a negative gain means that registration made "
        "it worse. Segmentation: the network's outline with the manual one, in patients that it did not learn "
        "from; a tumour that it did not find counts as 0, and a "
        "patient in whom nobody drew one is left out. Means with the 95 % interval over patients. "
        f"The paper reports {PAPER_SEGMENTATION_DICE} for its segmentation."
    )
    numbers = {
        key: {
            "patients": len(dice),
            "mean": means[key].mean,
            "interval_95": [means[key].low, means[key].high],
            "sd": _spread(dice),
            "median": float(np.median(dice)),
        }
        for key, _, dice in rows
    }
    header = ("What", "Patients", "Mean Dice (95 % interval)", "SD", "Median", "Least", "Largest")
    return Section(
        "table_s2", "Table S2. Registration and segmentation", text, as_json(numbers), Table(header, body)
    )


def figure_4(cohort: EvaluationCohort) -> Section:
    """Draw both outlines on the images, the smallest and the largest tumour first."""
    if not cohort.outlines:
        raise EvaluationError(
            "EV-NONE", "no images with manual outlines are at hand; extract with manual outlines"
        )
    by_size = sorted(cohort.outlines, key=lambda outline: int(outline.manual.sum()))
    places = np.unique(np.linspace(0, len(by_size) - 1, min(MOST_OUTLINES, len(by_size))).round().astype(int))
    chosen = [by_size[place] for place in places]
    figure, panels = new_figure(len(chosen), width=2.8, height=3.3)
    mvi = dict(zip(cohort.patients, cohort.mvi.tolist(), strict=True))
    for n, (axes, outline) in enumerate(zip(panels, chosen, strict=True)):
        rows, columns = _window(outline)
        height, width = outline.spacing_ji_mm
        image = outline.image[rows, columns]
        extent = (0.0, image.shape[1] * width, image.shape[0] * height, 0.0)
        low, high = np.percentile(image, [1, 99.5])
        axes.imshow(
            image, cmap="gray", extent=extent, vmin=low, vmax=max(high, low + 1e-6), interpolation="bilinear"
        )
        centres = ((np.arange(image.shape[1]) + 0.5) * width, (np.arange(image.shape[0]) + 0.5) * height)
        for mask, colour, dash in (
            (outline.automatic, COLOURS[1], "solid"),
            (outline.manual, COLOURS[5], "dashed"),
        ):
            if mask[rows, columns].any():
                axes.contour(*centres, mask[rows, columns], [0.5], colors=colour, linestyles=dash, linewidths=1.4)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        outcome = "with invasion" if mvi[outline.patient] else "without invasion"
        axes.set_title(f"({'abcd'[n]}) {outcome}, Dice {_dice(outline):.2f}", fontsize=9, loc="left")
        axes.set_xlabel(f"{extent[1]:.0f} mm wide", fontsize=8, color=QUIET)
    lines = [
        Line2D([], [], color=COLOURS[1], label="automatic"),
        Line2D([], [], color=COLOURS[5], ls="--", label="manual"),
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    text = "The slice with the largest tumour area, hepatobiliary phase; from the smallest to the largest tumour."
    numbers = {outline.patient: {"dice": _dice(outline)} for outline in chosen}
    return Section("figure_4", "Figure 4. Outlines", text, as_json(numbers), figure=figure)


def stability(cohort: EvaluationCohort) -> Section:
    """Measure each feature's agreement between outlines."""
    blocks = [cohort.radiomics[Masks.AUTOMATIC], *cohort.repeats]
    against = f"the automatic outline and {len(cohort.repeats)} more"
    if not cohort.repeats and Masks.MANUAL in cohort.radiomics:
        blocks.append(cohort.radiomics[Masks.MANUAL])
        against = "the automatic and the manual outline"
    known = np.all([block.known for block in blocks], axis=0)
    if len(blocks) < 2 or known.sum() < 2:
        raise EvaluationError(
            "EV-NONE",
            "no tumour was outlined a second time; extract manual or repeated outlines of two patients or more",
        )
    icc = icc_2_1(np.stack([block.values[known] for block in blocks], axis=1))
    figure, (axes,) = new_figure(width=4.6)
    label(axes, "ICC(2,1); below 0 drawn at 0", "Share of features")
    finite = np.clip(icc[np.isfinite(icc)], 0, 1)
    axes.hist(finite, bins=20, range=(0, 1), weights=np.full(len(finite), 1 / max(1, len(finite))),
    color=COLOURS[0],
              edgecolor="white")  # fmt: skip
    axes.axvline(GOOD, color=COLOURS[1], linestyle="--", linewidth=1.2, label=f"good ({GOOD})")
    axes.axvline(EXCELLENT, color=COLOURS[2], linestyle="-.", linewidth=1.2, label=f"excellent ({EXCELLENT})")
    legend(axes, 2)
    body, numbers = [], {}
    for role, title in SEQUENCE_TITLES.items():
        for region in ("tumour", "margin"):
            of = icc[blocks[0].columns((role,), (region,))]
            of = of[np.isfinite(of)]
            if len(of):
                shares = float((of >= GOOD).mean()), float((of >= EXCELLENT).mean())
                body.append(
                    (title, region, str(len(of)), f"{np.median(of):.3f}", *(f"{100 * s:.0f} %" for s in shares))
                )
                numbers[f"{role}_{region}"] = {"features": len(of), "median": float(np.median(of)), "good":
                shares[0],
                                               "excellent": shares[1]}  # fmt: skip
    text = (
        f"Intraclass correlation of each feature between {against}, in {int(known.sum())} patients. A feature "
        "that changes when the tumour is outlined again says more about the outline than about the tumour. "
        "Values below 0 are drawn at 0."
    )
    header = ("Sequence", "Region", "Features", "Median ICC", f"ICC at least {GOOD}", f"at least {EXCELLENT}")
    return Section(
        "stability", "Stability of features under another outline", text, as_json(numbers),
        Table(header, tuple(body)), figure,
    )  # fmt: skip


def _spread(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _dice(outline: Outline) -> float:
    total = int(outline.automatic.sum()) + int(outline.manual.sum())
    return 2 * int((outline.automatic & outline.manual).sum()) / total if total else float("nan")


def _window(outline: Outline) -> tuple[slice, slice]:
    """Cut the picture around both outlines, with a margin."""
    where = np.argwhere(outline.automatic | outline.manual)
    if not len(where):
        return slice(None), slice(None)
    cut = []
    for axis, spacing in enumerate(outline.spacing_ji_mm):
        margin = round(MARGIN_MM / spacing)
        low, high = int(where[:, axis].min()), int(where[:, axis].max())
        cut.append(slice(max(0, low - margin), high + margin + 1))
    return cut[0], cut[1]
