"""Calibration of the proposed setting: what it says beside what was observed."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pipeline.evaluation.calibration import calibrated_words, calibration_line
from pipeline.evaluation.intervals import Interval, over_splits, tested_over_learnt
from pipeline.evaluation.plots import COLOURS, QUIET, label, legend, new_figure
from pipeline.evaluation.sampling import share_bounds, widened
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.section import Section, as_json
from pipeline.evaluation.sections.probabilities import proposed_parts

BINS = 8
UNBOUNDED = (float("-inf"), float("inf"))
HOPELESS = 10.0
"""Width of the interval beyond which a slope or intercept is no figure: a slope of 1 is right, of -1 backwards."""


def calibration(results: Results) -> Section:
    """Draw observed against predicted frequency."""
    parts = proposed_parts(results)
    ratio = tested_over_learnt(parts)
    lines = [calibration_line(part.mvi, part.probability) for part in parts]
    slope = _settled(over_splits([line.slope for line in lines], ratio, UNBOUNDED))
    intercept = _settled(over_splits([line.intercept for line in lines], ratio, UNBOUNDED))
    together = np.concatenate([part.probability for part in parts])
    edges = np.unique(np.quantile(together, np.linspace(0, 1, BINS + 1)))
    points = [_point(parts, low, high, ratio) for low, high in pairwise(edges)]
    points = [(x, y) for x, y in points if y.values]
    figure, (axes,) = new_figure()
    label(axes, "Predicted probability of invasion", "Observed share with invasion")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":", label="perfect")
    x = np.array([x for x, _ in points])
    y = np.array([[item.mean, item.low, item.high] for _, item in points]).reshape(-1, 3).T
    below, above = np.nan_to_num(y[0] - y[1]), np.nan_to_num(y[2] - y[0])
    axes.errorbar(
        x,
        y[0],
        yerr=[below, above],
        color=COLOURS[0],
        marker="o",
        markersize=4,
        capsize=2,
        label="test parts, 95 %",
    )
    axes.hist(
        together,
        bins=40,
        range=(0, 1),
        weights=np.full(len(together), 0.5 / len(together)),
        color=QUIET,
        alpha=0.4,
    )
    legend(axes, 2)
    left_out = len(parts) - slope.values
    text = (
        f"{calibrated_words(parts)} Slope {_words(slope, len(parts))}, where 1 is right and less means too "
        f"extreme; calibration in the large {_words(intercept, len(parts))}, where 0 is right and more means that "
        "invasion is commoner than said. "
        + (
            f"The slope leaves {left_out} of {len(parts)} splits out, whose patients were parted without an error "
            "or had one outcome: it is that of the other splits. "
            if left_out and np.isfinite(slope.mean)
            else ""
        )
        + "Points on the dotted line are right: of patients given 30 %, 30 % have invasion. The grey bars show "
        "how often each probability is given (height: half their share)."
    )
    numbers = {
        "slope": slope,
        "intercept": intercept,
        "points": [{"predicted": x, "observed": y} for x, y in points],
        "uncalibrated_splits": sum(not part.calibrated for part in parts),
    }
    return Section("calibration", "Calibration", text, as_json(numbers), figure=figure)


def _settled(interval: Interval) -> Interval:
    """Return the interval, without any number where it is so wide that the mean is an accident."""
    if np.isfinite(interval.mean) and not interval.high - interval.low <= HOPELESS:
        return replace(interval, mean=float("nan"), low=float("nan"), high=float("nan"))
    return interval


def _words(interval: Interval, splits: int) -> str:
    """Write a figure, and in how many splits it could be fitted."""
    if not np.isfinite(interval.mean):
        return (
            f"not defined (fitted in {interval.values} of {splits} splits: too few patients, outcomes that the "
            f"probabilities part without an error, or an interval wider than {HOPELESS:g})"
        )
    return f"{interval}" + (f" in {interval.values} of {splits} splits" if interval.values < splits else "")


def _point(parts: Sequence[Scored], low: float, high: float, ratio: float) -> tuple[float, Interval]:
    predicted, observed, rows = [], [], set()
    for part in parts:
        # The last bin has its upper edge.
        inside = (part.probability >= low) & ((part.probability < high) | (high >= part.probability.max()))
        if inside.any():
            predicted.append(float(part.probability[inside].mean()))
            observed.append(float(part.mvi[inside].mean()))
            rows |= set(part.rows[inside].tolist())
    share = over_splits(observed, ratio)
    mean = float(np.mean(predicted)) if predicted else float("nan")
    return mean, widened(share, share_bounds(share.mean, len(rows)))
