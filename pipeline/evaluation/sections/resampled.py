"""Permutation test and learning curve of the proposed setting."""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.plots import COLOURS, QUIET, label, legend, new_figure
from pipeline.evaluation.resampling import learning_curve, permutation_test
from pipeline.evaluation.rows import PROPOSED
from pipeline.evaluation.section import Section, as_json, p_value
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.splits import Split


def permutation(cohort: EvaluationCohort, settings: EvaluationSettings, executor: Executor | None) -> Section:
    """Compare with outcomes dealt out anew."""
    found = permutation_test(cohort, PROPOSED, settings, executor)
    figure, (axes,) = new_figure(width=4.6)
    label(axes, "Test area under the curve", "Shuffles")
    axes.hist(found.shuffled, bins=15, color=COLOURS[5], edgecolor="white", label="shuffled outcomes")
    axes.axvline(found.area, color=COLOURS[1], linewidth=1.8, label="true outcomes")
    axes.axvline(0.5, color=QUIET, linewidth=0.8, linestyle=":", label="chance")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, 3)
    mean = float(found.shuffled.mean()) if len(found.shuffled) else float("nan")
    text = (
        f"The whole procedure, from the split to the test, on {len(found.shuffled)} shuffles of the outcomes "
        f"among the patients, {found.splits} splits each. Shuffled outcomes gave a mean area of {mean:.3f}, "
        f"which must lie about 0.5: anything else would be leakage. The true ones gave {found.area:.3f}; p = "
        f"{p_value(found.p)}."
    )
    numbers = {
        "auc": found.area, "p": found.p, "splits": found.splits, "shuffles": len(found.shuffled),
        "shuffled_mean": mean, "shuffled": found.shuffled,
    }  # fmt: skip
    return Section("permutation", "Shuffled outcomes (permutation test)", text, as_json(numbers), figure=figure)


def learning(
    cohort: EvaluationCohort, splits: Sequence[Split], settings: EvaluationSettings, executor: Executor | None
) -> Section:
    """Draw the test area against the patients learnt from."""
    points = learning_curve(cohort, splits, PROPOSED, settings, executor)
    if not points:
        raise EvaluationError("EV-FEW", "no part of the training part gives a result; add patients")
    figure, (axes,) = new_figure(width=4.6)
    label(axes, "Patients learnt from", "Test area under the curve")
    x, y = np.array([point.patients for point in points]), np.array([point.area.mean for point in points])
    below = np.nan_to_num(y - np.array([point.area.low for point in points]))
    above = np.nan_to_num(np.array([point.area.high for point in points]) - y)
    axes.errorbar(x, y, yerr=[below, above], color=COLOURS[0], marker="o", markersize=4, capsize=3)
    axes.axhline(0.5, color=QUIET, linewidth=0.8, linestyle=":")
    axes.set(ylim=(max(0.0, min(0.4, float((y - below).min()))) - 0.02, 1.02), xlim=(0, float(x.max()) * 1.08))
    text = (
        "The proposed setting learnt from parts of the training part and tested on the same patients. A curve "
        "that still rises at its right end says that more patients would help. The dotted line is chance."
    )
    numbers = [{"patients": point.patients, "auc": point.area} for point in points]
    return Section("learning_curve", "Learning curve", text, {"points": as_json(numbers)}, figure=figure)
