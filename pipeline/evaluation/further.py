"""Clinical columns beyond the seven of the model, described in table S1 and selected where that is wanted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.parts import ClinicalColumn
from pipeline.training.further_columns import Cells, IsFurther, further_columns

LEAST_KNOWN: Final = 0.8
"""Share of patients with a value from which a further column may be selected: those without one are left out."""


def with_further(
    cohort: EvaluationCohort, cells: Mapping[str, Cells], is_further: IsFurther, *, select: bool
) -> EvaluationCohort:
    """Return `cohort` with the further columns of its file.

    Parameters
    ----------
    cohort
        With the columns of the model.
    cells
        What the file says, by patient of the cohort.
    is_further
        Which columns are none of the model.
    select
        Whether settings may use them; otherwise they are described alone, and nobody is left out for their sake.

    Raises
    ------
    EvaluationError
        ``EV-COLUMN``: a column is neither of numbers nor of a few words.
    """
    columns, unclear = further_columns([cells.get(patient, {}) for patient in cohort.patients], is_further)
    if unclear:
        raise EvaluationError("EV-COLUMN", f"{unclear[0].because}; `mvi-node cohort check` lists all such cells")
    described = []
    for column in columns:
        known = float(np.isfinite(column.values).mean())
        optional = not select or known < LEAST_KNOWN
        described.append(ClinicalColumn(column.name, column.name, column.unit, column.is_binary, optional))
    values = np.array([column.values for column in columns], dtype=np.float64)
    return replace(
        cohort,
        columns=(*cohort.columns, *described),
        clinical=np.concatenate([cohort.clinical, values.reshape(len(columns), len(cohort.patients)).T], axis=1),
    )


def aligned_with(external: EvaluationCohort, cohort: EvaluationCohort) -> EvaluationCohort:
    """Give an external cohort the columns of `cohort`, NaN where its file has none of that name and kind."""
    places = {(column.name, column.unit, column.is_binary): n for n, column in enumerate(external.columns)}
    clinical = np.full((len(external.patients), len(cohort.columns)), np.nan)
    for n, column in enumerate(cohort.columns):
        place = places.get((column.name, column.unit, column.is_binary))
        if place is not None:
            clinical[:, n] = external.clinical[:, place]
    return replace(external, columns=cohort.columns, clinical=clinical)
