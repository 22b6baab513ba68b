"""The paper's figures beside the cohort's."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.intervals import Interval, mean_of_patients
from pipeline.evaluation.paper import (
    PAPER_SEGMENTATION_DICE,
    PAPER_SIZE_AUC,
    PAPER_TEST,
    PAPER_VALIDATION,
    PROPOSED_OF_TABLE_2,
    Figure,
    PaperRow,
)
from pipeline.evaluation.rows import PROPOSED, SETTINGS, TABLE_1
from pipeline.evaluation.scores import Results
from pipeline.evaluation.section import Section, Table, as_json
from pipeline.evaluation.splits import Part
from pipeline.evaluation.tables import PerformanceRow, performance_rows
from pipeline.study import FIXED_ROLE

FIGURES: Final = ("acc", "auc", "sen", "spe")
MISSING: Final = "not available"
TEXT: Final = (
    "Lin et al., J Cancer 15(19), 2024, doi:10.7150/jca.93712: tables 1 and 2, measured on 420 patients of one "
    "hospital; ± is half the 95 % interval, of which the paper does not say how it was made. In the proposed row, "
    "and in no other, the paper contradicts itself: what table 1 calls sensitivity, table 2 calls specificity. "
    "The row stands as in table 1, to which its accuracy fits, with table 2 in brackets; its sensitivity and "
    "specificity in the validation part are digit for digit those that the paper prints for T2 in the test part. "
    "Another cohort has other patients: a difference says nothing about the method by itself."
)


def paper(results: Results, cohort: EvaluationCohort) -> Section:
    """Set validation and test part, and the Dice of the segmentation, beside what the paper reports."""
    rows = {row.setting.key: row for row in performance_rows(results, SETTINGS)}
    validation = [(rows[setting.key], PAPER_VALIDATION[setting.key]) for setting in TABLE_1]
    test = [(row, PAPER_TEST[key]) for key, row in rows.items() if key in PAPER_TEST]
    dice = _dice(cohort)
    body = (
        *(_cells(row, theirs, Part.VALIDATION) for row, theirs in validation),
        *(_cells(row, theirs, Part.TEST) for row, theirs in test),
        (
            "Segmentation of the tumour",
            str(Part.TEST),
            *("" for _ in FIGURES for _ in range(2)),
            str(dice) if dice.values else MISSING,
            f"{PAPER_SEGMENTATION_DICE:.3f}",
        ),
    )
    header = (
        "Setting", "Part",
        *(f"{figure.upper()} {whose}" for figure in FIGURES for whose in ("here", "paper")),
        "Dice here", "Dice paper",
    )  # fmt: skip
    numbers: dict[str, object] = {
        key: {
            "test": PAPER_TEST[key]._asdict(),
            "validation": PAPER_VALIDATION[key]._asdict() if key in PAPER_VALIDATION else None,
        }
        for key in rows
        if key in PAPER_TEST
    }
    numbers |= {
        "proposed_of_table_2": PROPOSED_OF_TABLE_2,
        "auc_by_size": PAPER_SIZE_AUC,
        "segmentation_dice": {"here": dice, "paper": PAPER_SEGMENTATION_DICE},
    }
    title = "The paper's figures beside this cohort's"
    return Section("paper", title, TEXT, as_json(numbers), Table(header, body))


def _dice(cohort: EvaluationCohort) -> Interval:
    """Average the Dice of the tumour in the hepatobiliary phase over patients who did not teach the network."""
    taught = {cohort.patients[row] for row in np.flatnonzero(cohort.taught_segmentation)}
    found = [
        item.segmentation[FIXED_ROLE]
        for item in cohort.agreement
        if item.patient not in taught and FIXED_ROLE in item.segmentation
    ]
    return mean_of_patients(np.array(found, dtype=np.float64))


def _cells(row: PerformanceRow, theirs: PaperRow, part: Part) -> tuple[str, ...]:
    return (row.setting.title, str(part), *_pairs(row, theirs, part), "", "")


def _pairs(row: PerformanceRow, theirs: PaperRow, part: Part) -> Iterator[str]:
    ours = row.test if part is Part.TEST else row.validation
    for figure in FIGURES:
        yield MISSING if row.because else str(ours[figure])
        printed = _printed(getattr(theirs, figure))
        if row.setting.key == PROPOSED.key and part is Part.TEST and figure in PROPOSED_OF_TABLE_2:
            printed += f" (table 2: {_printed(PROPOSED_OF_TABLE_2[figure])})"
        yield printed


def _printed(figure: Figure) -> str:
    return f"{figure[0]:.3f} ± {figure[1]:.3f}"
