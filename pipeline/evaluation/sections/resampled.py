"""Permutation test and learning curve of the proposed setting."""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.plots import COLOURS, QUIET, label, legend, new_figure
from pipeline.evaluation.resampling import Permutation, learning_curve, permutation_test
from pipeline.evaluation.rows import PROPOSED
from pipeline.evaluation.section import Section, as_json, p_value
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.splits import Split

FEW_SHUFFLES = 20
"""Below this many their mean tells nothing of the procedure."""
FAR = 3.0
"""Standard errors from 0.5 beyond which a mean of shuffles is no accident."""


def permutation(
    cohort: EvaluationCohort, settings: EvaluationSettings, executor: Executor | None, *, is_shuffled: bool = False
) -> Section:
    """Compare with outcomes dealt out anew; `is_shuffled` where the cohort's own were so before anything else."""
    found = permutation_test(cohort, PROPOSED, settings, executor)
    figure, (axes,) = new_figure(width=4.6)
    label(axes, "Test area under the curve", "Shuffles")
    axes.hist(found.shuffled, bins=15, color=COLOURS[5], edgecolor="white", label="shuffled outcomes")
    line = "outcomes of this report" if is_shuffled else "true outcomes"
    axes.axvline(found.area, color=COLOURS[1], linewidth=1.8, label=line)
    axes.axvline(0.5, color=QUIET, linewidth=0.8, linestyle=":", label="chance")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes, 3)
    ours = "The outcomes of this report, which were shuffled themselves," if is_shuffled else "The true outcomes"
    text = (
        f"The whole procedure, from the split to the test, on {len(found.shuffled)} shuffles of the outcomes "
        f"among the patients: {found.splits} splits each, with {_first_candidate(settings)}. {_chance(found)} "
        f"{ours} gave {found.area:.3f} by the same {found.splits} splits, which is to be compared with the "
        f"shuffles and not with table 1; p = {p_value(found.p)}."
    )
    mean, error = shuffled_mean(found)
    numbers = {
        "auc": found.area, "p": found.p, "splits": found.splits, "shuffles": len(found.shuffled),
        "shuffled_mean": mean, "shuffled_standard_error": error, "shuffled": found.shuffled,
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
    axes.errorbar(
        x,
        y,
        yerr=[below, above],
        color=COLOURS[0],
        marker="o",
        markersize=4,
        capsize=3,
        label="mean of the splits, 95 % interval",
    )
    axes.axhline(0.5, color=QUIET, linewidth=0.8, linestyle=":", label="chance")
    legend(axes, 2)
    axes.set(ylim=(max(0.0, min(0.4, float((y - below).min()))) - 0.02, 1.02), xlim=(0, float(x.max()) * 1.08))
    text = (
        "The proposed setting learnt from parts of the training part and tested on the same patients. A curve "
        "that still rises at its right end says that more patients would help. Bars: 95 % interval over the "
        f"{len(splits)} splits, corrected for splits that share patients (Nadeau and Bengio 2003), and never "
        f"narrower than the score interval of so many patients. All points with {_first_candidate(settings)}: the "
        "right end is not the figure of table 1, where the validation part chooses."
    )
    numbers = [{"patients": point.patients, "auc": point.area} for point in points]
    return Section("learning_curve", "Learning curve", text, {"points": as_json(numbers)}, figure=figure)


def shuffled_mean(found: Permutation) -> tuple[float, float]:
    """Return the mean area of the shuffles and its standard error; NaN of none, or of one."""
    count = len(found.shuffled)
    mean = float(found.shuffled.mean()) if count else float("nan")
    return mean, float(found.shuffled.std(ddof=1)) / count**0.5 if count > 1 else float("nan")


def _chance(found: Permutation) -> str:
    """Say what the mean of the shuffles tells of the procedure."""
    mean, error = shuffled_mean(found)
    told = f"Shuffled outcomes gave a mean area of {mean:.3f}"
    if len(found.shuffled) < FEW_SHUFFLES:
        return f"{told}; so few shuffles do not tell whether it lies about 0.5, as it must without leakage."
    sentence = f"{told} (standard error {error:.3f}), where 0.5 is expected of a procedure without leakage."
    if mean > 0.5 + FAR * error:
        sentence += f" It lies more than {FAR:.0f} standard errors above: look for leakage before anything else."
    elif mean < 0.5 - FAR * error:
        sentence += (
            f" It lies more than {FAR:.0f} standard errors below, which is no leakage: what the training part "
            "of few patients has by chance, the test part lacks."
        )
    return sentence


def _first_candidate(settings: EvaluationSettings) -> str:
    return f"the first candidate of the hyper-parameter ({settings.epochs[0]} passes) and no choice among them"
