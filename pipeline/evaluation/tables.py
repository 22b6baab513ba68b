"""Rows of the tables, made from scores that are proved honest first."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from pipeline.evaluation.intervals import Interval, over_splits, tested_over_learnt
from pipeline.evaluation.metrics import Performance, performance
from pipeline.evaluation.sampling import area_bounds, outcomes_of, share_bounds, widened
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.settings import Setting


@dataclass(frozen=True)
class PerformanceRow:
    """A setting in table 1 or 2.

    Parameters
    ----------
    setting
        Which.
    test, validation
        By figure: ``acc``, ``auc``, ``sen``, ``spe``, ``brier``; empty where there is no result.
    patients
        Mean number of test patients.
    uncalibrated
        Splits whose validation part was too small to calibrate by.
    because
        Why there is no result; empty where there is.
    gap
        Which splits are left out of it and why, in a sentence; empty where none is.
    """

    setting: Setting
    test: dict[str, Interval]
    validation: dict[str, Interval]
    patients: float
    uncalibrated: int
    because: str = ""
    gap: str = ""


def performance_rows(results: Results, rows: Sequence[Setting]) -> tuple[PerformanceRow, ...]:
    """Measure each setting in its validation and test parts.

    Raises
    ------
    EvaluationError
        ``EV-SEEN``: a part was seen in fitting.
    """
    return tuple(_row(results, row) for row in rows)


def average(parts: Sequence[Scored], ratio: float | None = None) -> dict[str, Interval]:
    """Average each figure over the splits; refuses parts that were seen in fitting.

    Splits that agree do not make few patients many: an interval is never narrower than that of one test of all the
    patients of these parts (`share_bounds`, `area_bounds`).

    `ratio` stands in the place of tested over learnt-from patients, see `over_splits`.
    """
    measured = [
        performance(part.mvi, part.probability, part.threshold)
        for part in (item.require_honest() for item in parts)
    ]
    ratio = tested_over_learnt(parts) if ratio is None else ratio
    found = {
        figure.name: over_splits([getattr(item, figure.name) for item in measured], ratio)
        for figure in fields(Performance)
    }
    invaded, others = outcomes_of(parts)
    counts = {"acc": invaded + others, "sen": invaded, "spe": others}
    wide = {name: widened(found[name], share_bounds(found[name].mean, count)) for name, count in counts.items()}
    return found | wide | {"auc": widened(found["auc"], area_bounds(found["auc"].mean, invaded, others))}


def _row(results: Results, row: Setting) -> PerformanceRow:
    if row.key in results.unavailable:
        return PerformanceRow(row, {}, {}, 0.0, 0, results.unavailable[row.key])
    test, validation = results.test[row.key], results.validation[row.key]
    return PerformanceRow(
        row,
        average(test),
        average(validation),
        sum(len(part.rows) for part in test) / len(test),
        sum(not part.calibrated for part in test),
        gap=_gap(results, row),
    )


def _gap(results: Results, row: Setting) -> str:
    if row.key not in results.left_out:
        return ""
    count, because = results.left_out[row.key]
    return f"{count} of {count + len(results.test[row.key])} splits are left out of it: {because}."
