"""Decision curve and confusion of the proposed setting."""

from collections.abc import Sequence

import numpy as np

from pipeline.evaluation.calibration import calibrated_words, net_benefit, net_benefit_of_all
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.intervals import Interval, over_splits, tested_over_learnt
from pipeline.evaluation.plots import COLOURS, band, label, legend, new_figure
from pipeline.evaluation.rows import PROPOSED
from pipeline.evaluation.sampling import share_bounds, widened
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.section import Section, Table, as_json
from pipeline.geometry import FloatArray

THRESHOLDS = np.linspace(0.05, 0.80, 76)


def decision_curve(results: Results) -> Section:
    """Draw the net benefit of acting on the probability."""
    parts = proposed_parts(results)
    ratio = tested_over_learnt(parts)
    each = np.array([net_benefit(part.mvi, part.probability, THRESHOLDS) for part in parts])
    prevalence = float(np.mean([part.mvi.mean() for part in parts]))
    # No more can be won than to treat all with invasion and nobody else.
    found = [over_splits(column, ratio, (float("-inf"), prevalence)) for column in each.T]
    everybody = net_benefit_of_all(prevalence, THRESHOLDS)
    curve = (
        np.array([item.mean for item in found]),
        np.array([item.low for item in found]),
        np.array([item.high for item in found]),
    )
    figure, (axes,) = new_figure(width=4.6)
    label(axes, "Probability at which one would treat", "Net benefit")
    band(axes, THRESHOLDS, curve, "by the proposed setting, 95 %", 0)
    axes.plot(THRESHOLDS, everybody, color=COLOURS[1], linestyle="--", linewidth=1.2, label="treat everybody")
    axes.axhline(0, color=COLOURS[6], linestyle=":", linewidth=1.0, label="treat nobody")
    top = max(0.05, float(np.nanmax(np.nan_to_num(curve[2]))), float(everybody.max()))
    # The line of the setting stays inside; that of treating everybody falls without end.
    bottom = min(-0.3 * top, 1.1 * float(np.nanmin(np.nan_to_num(curve[0]))))
    axes.set(xlim=(0.05, 0.8), ylim=(bottom, 1.1 * top))
    legend(axes, 2)
    text = (
        "Who treats at 20 % says that one missed invasion is as bad as four needless treatments. The curve "
        "shows how many patients of one hundred, divided by 100, are rightly treated after needless treatments "
        "are taken off at that price. The setting is of use where it runs above both other lines. "
        f"{calibrated_words(parts)}"
    )
    numbers = {"threshold": THRESHOLDS, "net_benefit": found, "treat_everybody": everybody}
    return Section("decision_curve", "Decision curve", text, as_json(numbers), figure=figure)


def confusion(results: Results) -> Section:
    """Count the four outcomes at the threshold of each split."""
    parts = proposed_parts(results)
    ratio = tested_over_learnt(parts)
    counts = np.array([_counts(part) for part in parts], dtype=np.float64)
    tp, fn, fp, tn = counts.mean(axis=0)
    ppv = _predictive(counts[:, 0], counts[:, 2], ratio)
    npv = _predictive(counts[:, 3], counts[:, 1], ratio)
    threshold = over_splits([part.threshold for part in parts], ratio)
    body = (
        ("With invasion", f"{tp:.1f}", f"{fn:.1f}", f"{tp + fn:.1f}"),
        ("Without invasion", f"{fp:.1f}", f"{tn:.1f}", f"{fp + tn:.1f}"),
    )
    text = (
        "Mean number of test patients a split, at the threshold that its validation part chose (mean "
        f"{threshold}). Of those called positive {_of_splits(ppv, parts)} have invasion, of those called negative "
        f"{_of_splits(npv, parts)} have none; both hold for this share of invasion only."
    )
    numbers = {
        "true_positive": tp, "false_negative": fn, "false_positive": fp, "true_negative": tn,
        "threshold": threshold, "ppv": ppv, "npv": npv,
    }  # fmt: skip
    table = Table(("By pathology", "Called positive", "Called negative", "All"), body)
    return Section("confusion", "Right and wrong at the threshold", text, as_json(numbers), table)


def proposed_parts(results: Results) -> Sequence[Scored]:
    """Return the test parts of the proposed setting, none of them seen in fitting.

    Raises
    ------
    EvaluationError
        There are none, for the reason of the setting.
    """
    if PROPOSED.key in results.unavailable:
        code, _, message = results.unavailable[PROPOSED.key].partition(": ")
        raise EvaluationError(code, message)
    return [part.require_honest() for part in results.test[PROPOSED.key]]


def _predictive(right: FloatArray, wrong: FloatArray, ratio: float) -> Interval:
    """Average the share of right calls over the splits that made any."""
    called = right + wrong
    share = over_splits(right[called > 0] / called[called > 0], ratio)
    return widened(share, share_bounds(share.mean, float(called.mean())))


def _of_splits(interval: Interval, parts: Sequence[Scored]) -> str:
    """Say of how many splits it is the mean, where some called nobody so."""
    few = 0 < interval.values < len(parts)
    return (
        f"{interval} (in the {interval.values} of {len(parts)} splits that called anybody so)"
        if few
        else str(interval)
    )


def _counts(part: Scored) -> tuple[int, int, int, int]:
    positive = part.probability > part.threshold
    return (
        int((positive & part.mvi).sum()),
        int((~positive & part.mvi).sum()),
        int((positive & ~part.mvi).sum()),
        int((~positive & ~part.mvi).sum()),
    )
