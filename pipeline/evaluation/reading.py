"""From what `cohort extract` wrote to a cohort that can be evaluated.

Beside ``NAME.npz`` of a case, and in the same form, may lie ``NAME.manual.npz`` (features of the manual masks) and
``NAME.repeat-1.npz``, ``NAME.repeat-2.npz`` and so on (features of masks drawn again). ``NAME.agreement.json``
holds ``{"registration": {ROLE: [before, after]}, "segmentation": {ROLE: dice}, "liver": {ROLE: dice}}``, the last
where the liver was outlined by hand, ``NAME.outline.npz`` the arrays of an `Outline`, and ``NAME.pictures.npz``
what `pipeline.training.pictures` says. Where no case has a file, ``features.parquet`` beside the folder is read.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from config.analytes import load_analytes
from pipeline.classification import CLINICAL_FEATURES, TUMOUR_SIZE
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.parts import Agreement, ClinicalColumn, Masks, Outline, RadiomicsBlock
from pipeline.evaluation.pictures import CohortPictures
from pipeline.study import Role
from pipeline.training.errors import TrainingError
from pipeline.training.feature_table import FeatureTable
from pipeline.training.parquet import AUTOMATIC, MANUAL, PARQUET, REPEAT, read_outlines, read_parquet
from pipeline.training.pictures import PICTURES

AGREEMENT, OUTLINE = ".agreement.json", ".outline.npz"
UNITS = {"mm": "mm", "u_per_l": "U/L", "g_per_l": "g/L", "percent": "%"}
"""By the end of a column's name."""


def read_cohort(
    folder: Path,
    cases: Sequence[str],
    *,
    name: str,
    taught: Collection[str] | None = (),
    synthetic: bool = False,
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
        Names of the cases that the segmentation learnt from; None where nobody can tell.
    synthetic
        Whether they are phantoms.

    Raises
    ------
    TrainingError
        None has features, or one has other features than the others.
    EvaluationError
        ``EV-TWICE``: a patient is there twice. ``EV-NONE``: a file beside the features cannot be read.
    """
    unknown, taught = taught is None, cases if taught is None else taught
    tables = _tables(folder, cases)
    table = tables[AUTOMATIC]
    repeats = [_block(found, table, folder) for outline, found in tables.items() if outline.startswith(REPEAT)]
    manual = _block(tables[MANUAL], table, folder) if MANUAL in tables else None
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
        tuple(repeats),
        tuple(_agreement(path, case) for case in compared if (path := folder / f"{case}{AGREEMENT}").is_file()),
        tuple(_outline(path, case) for case in table.cases if (path := folder / f"{case}{OUTLINE}").is_file()),
        len(cases) - len(table.cases),
        CohortPictures(
            tuple(path if (path := folder / f"{case}{PICTURES}").is_file() else None for case in table.cases)
        ),
        synthetic,
        unknown,
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


def _tables(folder: Path, cases: Sequence[str]) -> dict[str, FeatureTable]:
    """Read the files of the cases; where there is none, the Parquet file, which travels alone."""
    parquet = folder.parent / PARQUET
    tables = read_outlines(folder, cases)
    if AUTOMATIC not in tables and parquet.is_file():
        stored, _ = read_parquet(parquet)
        tables = {outline: found for outline, table in stored.items() if (found := _of(table, cases)).cases}
    if AUTOMATIC not in tables:
        raise TrainingError("no case has features; run `mvi-node cohort extract` and read its refusals")
    return tables


def _of(table: FeatureTable, cases: Sequence[str]) -> FeatureTable:
    places = {case: n for n, case in enumerate(table.cases)}
    rows = [places[case] for case in cases if case in places]
    return FeatureTable(
        tuple(table.cases[row] for row in rows),
        table.names,
        table.values[rows],
        table.clinical[rows],
        table.mvi[rows],
        table.field_strength_t[rows],
    )


def _block(found: FeatureTable, table: FeatureTable, folder: Path) -> RadiomicsBlock:
    """Give every case of `table` a row of `found`, NaN where it has none."""
    if found.names != table.names:
        raise EvaluationError("EV-NONE", f"further outlines in {folder} hold other features; extract them again")
    values = np.full(table.values.shape, np.nan)
    rows = [(table.cases.index(case), n) for n, case in enumerate(found.cases) if case in table.cases]
    values[[row for row, _ in rows]] = found.values[[n for _, n in rows]]
    return RadiomicsBlock(table.names, values)


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
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            first, second = stored["spacing_ji_mm"].tolist()
            return Outline(
                case,
                stored["image"].astype(np.float32),
                stored["automatic"].astype(bool),
                stored["manual"].astype(bool),
                (first, second),
            )
    except (ValueError, KeyError, OSError, BadZipFile) as error:
        raise EvaluationError("EV-NONE", f"{path} cannot be read; extract the case again") from error
