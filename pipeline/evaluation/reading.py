"""From what `cohort extract` wrote to a cohort that can be evaluated.

Beside ``NAME.npz`` of a case, and in the same form, may lie ``NAME.manual.npz`` (features of the manual masks) and
``NAME.repeat-1.npz``, ``NAME.repeat-2.npz`` and so on (features of masks drawn again). ``NAME.agreement.json``
holds ``{"registration": {ROLE: [before, after]}, "segmentation": {ROLE: dice}, "liver": {ROLE: dice}}``, the last
where the liver was outlined by hand, ``NAME.outline.npz`` the arrays of an `Outline`, and ``NAME.pictures.npz``
what `pipeline.training.pictures` says. Whatever writes these later, in Parquet or not, replaces this module and
nothing else.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from config.analytes import load_analytes
from pipeline.classification import CLINICAL_FEATURES, TUMOUR_SIZE
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.parts import Agreement, ClinicalColumn, Masks, Outline, RadiomicsBlock
from pipeline.evaluation.pictures import CohortPictures
from pipeline.study import Role
from pipeline.training.feature_table import read_table
from pipeline.training.pictures import PICTURES

MANUAL, REPEAT, AGREEMENT, OUTLINE = ".manual.npz", ".repeat-", ".agreement.json", ".outline.npz"
MOST_REPEATS = 9
UNITS = {"mm": "mm", "u_per_l": "U/L", "g_per_l": "g/L", "percent": "%"}
"""By the end of a column's name."""


def read_cohort(
    folder: Path, cases: Sequence[str], *, name: str, taught: Collection[str] = (), synthetic: bool = False
) -> EvaluationCohort:
    """Read the cases that have features.

    Parameters
    ----------
    folder
        Where `cohort extract` keeps them.
    cases
        Names of all cases of the cohort file.
    name
        Of the cohort.
    taught
        Names of the cases that the segmentation learnt from.
    synthetic
        Whether they are phantoms.

    Raises
    ------
    TrainingError
        None has features, or one has other features than the others.
    EvaluationError
        ``EV-TWICE``: a patient is there twice. ``EV-NONE``: a file beside the features cannot be read.
    """
    table = read_table([path for case in cases if (path := folder / f"{case}.npz").is_file()])
    repeats = (_beside(folder, table.cases, f"{REPEAT}{n}.npz", table.names) for n in range(1, MOST_REPEATS + 1))
    manual = _beside(folder, table.cases, MANUAL, table.names)
    blocks = {Masks.AUTOMATIC: RadiomicsBlock(table.names, table.values)}
    # A tumour that was not found has no features, and a Dice of 0: without those the average would flatter.
    compared = [case for case in cases if case in table.cases or case not in taught]
    if manual is not None:
        blocks[Masks.MANUAL] = manual
    return EvaluationCohort(
        name,
        table.cases,
        table.mvi,
        blocks,
        clinical_columns(),
        table.clinical,
        table.clinical[:, CLINICAL_FEATURES.index(TUMOUR_SIZE)],
        np.array([case in taught for case in table.cases]),
        tuple(block for block in repeats if block is not None),
        tuple(_agreement(path, case) for case in compared if (path := folder / f"{case}{AGREEMENT}").is_file()),
        tuple(_outline(path, case) for case in table.cases if (path := folder / f"{case}{OUTLINE}").is_file()),
        len(cases) - len(table.cases),
        CohortPictures(
            tuple(path if (path := folder / f"{case}{PICTURES}").is_file() else None for case in table.cases)
        ),
        synthetic,
    )


def clinical_columns() -> tuple[ClinicalColumn, ...]:
    """Describe the seven clinical features, in the order of `CLINICAL_FEATURES`."""
    analytes = load_analytes().analytes
    return tuple(
        ClinicalColumn(
            column,
            analytes[column].display if column in analytes else "Tumour size",
            next((unit for end, unit in UNITS.items() if column.endswith(f"_{end}")), ""),
            column in analytes and analytes[column].qualitative,
        )
        for column in CLINICAL_FEATURES
    )


def _beside(folder: Path, cases: Sequence[str], end: str, names: tuple[str, ...]) -> RadiomicsBlock | None:
    present = [case for case in cases if (folder / f"{case}{end}").is_file()]
    if not present:
        return None
    found = read_table([folder / f"{case}{end}" for case in present])
    if found.names != names:
        raise EvaluationError("EV-NONE", f"files *{end} of {folder} hold other features; extract them again")
    values = np.full((len(cases), len(names)), np.nan)
    values[[cases.index(case) for case in present]] = found.values
    return RadiomicsBlock(names, values)


def _agreement(path: Path, case: str) -> Agreement:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        registration = {
            Role(role): (float(before), float(after)) for role, (before, after) in document["registration"].items()
        }
        tumour, liver = (
            {Role(role): float(found) for role, found in part.items()}
            for part in (document["segmentation"], document.get("liver", {}))
        )
        return Agreement(case, registration, tumour, liver)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError("EV-NONE", f"{path} cannot be read; extract the case again") from error


def _outline(path: Path, case: str) -> Outline:
    try:
        with np.load(path, allow_pickle=False) as stored:
            first, second = stored["spacing_ji_mm"].tolist()
            return Outline(
                case,
                stored["image"].astype(np.float32),
                stored["automatic"].astype(bool),
                stored["manual"].astype(bool),
                (first, second),
            )
    except (ValueError, KeyError, OSError) as error:
        raise EvaluationError("EV-NONE", f"{path} cannot be read; extract the case again") from error
