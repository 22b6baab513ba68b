"""A table or figure of the report, with its numbers and how to read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.intervals import Interval


@dataclass(frozen=True)
class Table:
    """What is printed and written as CSV."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Section:
    """One part of the report.

    Parameters
    ----------
    key
        In ``evaluation.json`` and of the files.
    title, text
        For a clinician: what it is, and how to read it.
    numbers
        For programs, as JSON.
    table, figure
        For readers.
    unavailable
        Why there is nothing to show; empty where there is.
    """

    key: str
    title: str
    text: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    table: Table | None = None
    figure: Figure | None = None
    unavailable: str = ""


def guarded(key: str, title: str, make: Callable[[], Section]) -> Section:
    """Make a section, or say why it is not shown: its patients were seen in fitting, or are too few."""
    try:
        return make()
    except EvaluationError as error:
        return Section(key, title, "", {"unavailable": str(error)}, unavailable=str(error))


def as_json(value: object) -> Any:
    """Turn numbers into what JSON can hold: what is not a number becomes null."""
    if isinstance(value, Interval):
        return {name: as_json(getattr(value, name)) for name in ("mean", "low", "high", "values")}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def number(value: float, digits: int = 3) -> str:
    """Write a number for a table; a dash where there is none."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def p_value(p: float) -> str:
    """Write a p-value for a table."""
    if not np.isfinite(p):
        return "–"
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
