"""The look of the figures: white, labelled, for print, and for readers who see colours otherwise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.evaluation.roc import RocBand
from pipeline.geometry import FloatArray

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito, Color Universal Design, 2008; without the yellow, which is lost on white paper."""
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
"""So that lines are told apart without any colour."""
QUIET = "#6b6b6b"
PANEL_INCHES = 3.4


def new_figure(
    panels: int = 1, *, width: float = PANEL_INCHES, height: float = PANEL_INCHES
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels side by side, each so many inches wide and high."""
    figure = Figure(figsize=(width * panels, height), layout="constrained", facecolor="white")
    axes = [figure.add_subplot(1, panels, n + 1) for n in range(panels)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    return figure, axes


def label(axes: Axes, x: str, y: str, title: str = "") -> None:
    """Name both axes and the panel."""
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    if title:
        axes.set_title(title, fontsize=9.5, loc="left", fontweight="bold")


def legend(axes: Axes, columns: int = 1) -> None:
    """Explain the lines above the panel, where they hide nothing."""
    axes.legend(
        fontsize=7.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.3
    )


def band(axes: Axes, x: FloatArray, curve: tuple[FloatArray, FloatArray, FloatArray], name: str, n: int) -> None:
    """Draw mean, low and high of a curve in the n-th colour and dash."""
    mean, low, high = curve
    axes.fill_between(x, low, high, color=COLOURS[n], alpha=0.18, linewidth=0)
    axes.plot(x, mean, color=COLOURS[n], linestyle=DASHES[n], linewidth=1.6, label=name)


def roc_panels(bands: Sequence[tuple[str, RocBand | str]]) -> Figure:
    """Draw one curve a panel; one that has none says why."""
    figure, panels = new_figure(len(bands))
    for n, (axes, (title, found)) in enumerate(zip(panels, bands, strict=True)):
        label(axes, "1 - specificity", "Sensitivity", f"({'abcdefg'[n]}) {title}" if len(bands) > 1 else title)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":")
        if isinstance(found, str):
            axes.text(0.5, 0.55, found, ha="center", color=QUIET, fontsize=9, bbox={"color": "white"})
            continue
        band(axes, found.false_rate, (found.mean, found.low, found.high), title, 0)
        note = f"AUC {found.area.mean:.3f}"
        if np.isfinite(found.area.low):
            note += f"\n95 % {found.area.low:.3f} to {found.area.high:.3f}"
        note += f"\n{found.patients:.0f} test patients"
        # On white: a band near the diagonal runs through this corner.
        behind = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
        axes.text(0.98, 0.04, note, ha="right", va="bottom", fontsize=8.5, bbox=behind)
    return figure
