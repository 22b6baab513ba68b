"""Table S1: the clinical values one by one."""

import numpy as np

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.further import LEAST_KNOWN
from pipeline.evaluation.section import Section, Table, as_json, number, p_value
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.evaluation.splits import Split
from pipeline.evaluation.univariate import Univariate, analyse_columns


def table_s1(cohort: EvaluationCohort, splits: tuple[Split, ...], settings: EvaluationSettings) -> Section:
    """Compare patients with and without invasion in each column."""
    rows = analyse_columns(cohort.columns, cohort.clinical, cohort.mvi)
    chosen = {row.column.name: 0 for row in rows}
    for split in splits:
        for row in analyse_columns(cohort.columns, cohort.clinical[split.training], cohort.mvi[split.training]):
            chosen[row.column.name] += bool(row.p < settings.selection_p)
    body = tuple(_cells(row, chosen[row.column.name], len(splits), settings.selection_p) for row in rows)
    doubtful = ", ".join(row.column.display for row in rows if row.doubtful)
    described = ", ".join(column.display for column in cohort.columns if column.is_optional)
    text = (
        "All patients of the cohort, for description: nothing here chose what the settings above use"
        + (
            "; these chose anew in each training part. "
            if settings.select_clinical
            else ", which is the paper's list. "
        )
        + "Numbers: mean (standard deviation), Welch's t, Hedges' g. Yes or no: share of yes, chi-squared "
        "without continuity correction, phi. A positive effect means more of it with invasion. Holm keeps any "
        "false finding, Benjamini-Hochberg the share of false findings, under control. Of a column of words each "
        "word is a yes or no. The last column says in how many training parts alone the value would have been "
        "selected."
        + (
            f" No setting uses {described}, "
            + (
                f"known in fewer than {100 * LEAST_KNOWN:.0f} % of patients"
                if settings.select_clinical
                else "which the model does not know"
            )
            + "."
            if described
            else ""
        )
        + (f" An expected count is below five in {doubtful}: read its p-value with care." if doubtful else "")
    )
    header = (
        "Value", "Unit", "Patients", "With invasion", "Without", "Test", "p", "p Holm", "p BH", "Effect",
        f"p < {settings.selection_p:g}", "Selected in training parts",
    )  # fmt: skip
    numbers = {row.column.name: _numbers(row, chosen[row.column.name]) for row in rows}
    return Section(
        "table_s1", "Table S1. Clinical values, one by one", text, as_json(numbers), Table(header, body)
    )


def _cells(row: Univariate, chosen: int, splits: int, selection_p: float) -> tuple[str, ...]:
    if row.column.is_binary:
        groups = [
            f"{100 * share:.0f} %" if np.isfinite(share) else "–" for share, _ in (row.with_mvi, row.without_mvi)
        ]
    else:
        groups = [f"{number(mean, 1)} ({number(spread, 1)})" for mean, spread in (row.with_mvi, row.without_mvi)]
    return (
        row.column.display,
        "yes/no" if row.column.is_binary else row.column.unit,
        str(row.patients),
        *groups,
        row.test,
        p_value(row.p),
        p_value(row.p_holm),
        p_value(row.p_bh),
        f"{row.effect_name} {number(row.effect, 2)}",
        "yes" if row.p < selection_p else "no",
        f"{chosen} of {splits}",
    )


def _numbers(row: Univariate, chosen: int) -> dict[str, object]:
    found = {name: value for name, value in row.__dict__.items() if name != "column"}
    return {"display": row.column.display, "unit": row.column.unit, **found, "selected_in_training_parts": chosen}
