"""Tables 1 and 2, the baselines, and the systems that the paper compares itself with."""

from collections.abc import Sequence

from pipeline.evaluation.calibration import uncalibrated_words
from pipeline.evaluation.parts import Masks
from pipeline.evaluation.rows import BASELINES, CONVOLUTIONS, OTHER_SYSTEMS, TABLE_1, TABLE_2
from pipeline.evaluation.scores import Results
from pipeline.evaluation.section import Section, Table, as_json
from pipeline.evaluation.settings import Setting
from pipeline.evaluation.tables import PerformanceRow, performance_rows

FIGURES = ("acc", "auc", "sen", "spe")
HOW_TO_READ = (
    "Mean over the splits with its 95 % interval, corrected for splits that share patients (Nadeau and Bengio "
    "2003). ACC accuracy, AUC area under the curve, SEN sensitivity over patients with invasion, SPE "
    "specificity over patients without."
)


def table_1(results: Results) -> Section:
    """Each sequence alone, and all."""
    rows = performance_rows(results, TABLE_1)
    body = tuple(
        (
            row.setting.title if row.setting.key != "proposed" else "All sequences (proposed)",
            *_cells(row, validation=True),
            *_cells(row, validation=False),
        )
        for row in rows
    )
    header = ("Sequence", *(f"{part} {f.upper()}" for part in ("Validation", "Test") for f in FIGURES))
    text = (
        f"Radiomics of one sequence, or of all, with the clinical values; automatic outlines. {HOW_TO_READ} The "
        "validation part chose hyper-parameter and threshold, so that its figures flatter; the test part had "
        "no part in anything."
    )
    return _section("table_1", "Table 1. Each sequence alone, and all", text, rows, Table(header, body))


def table_2(results: Results) -> Section:
    """Outlines by hand or by the network, with radiomics, clinical values, or both."""
    rows = performance_rows(results, TABLE_2)
    body = tuple(
        (
            {Masks.MANUAL: "manual", Masks.AUTOMATIC: "automatic", None: "none"}[row.setting.masks],
            "yes" if row.setting.masks else "no",
            "yes" if row.setting.clinical else "no",
            *_cells(row, validation=False),
        )
        for row in rows
    )
    header = ("Outline", "Radiomics", "Clinical", *(f.upper() for f in FIGURES))
    text = f"All sequences, test part. {HOW_TO_READ}"
    return _section("table_2", "Table 2. Outlines and kinds of features", text, rows, Table(header, body))


def baselines(results: Results) -> Section:
    """The network beside what is simpler."""
    rows = performance_rows(results, BASELINES)
    body = tuple(
        (
            "Network of the paper" if row.setting.key == "proposed" else row.setting.title,
            *_cells(row, validation=False),
            "not available" if row.because else str(row.test["brier"]),
        )
        for row in rows
    )
    text = (
        "The same features, splits and rules for each. A network that does no better than a logistic "
        f"regression is not worth its trouble. {HOW_TO_READ} Brier: mean squared distance of probability and "
        "outcome, less is better."
    )
    header = ("Classifier", *(f.upper() for f in FIGURES), "Brier")
    return _section("baselines", "Simpler classifiers on the same features", text, rows, Table(header, body))


def other_systems(results: Results) -> Section:
    """The systems that the paper compares itself with."""
    fitted = {*results.test, *results.unavailable}
    networks = tuple(setting for setting in CONVOLUTIONS if setting.key in fitted)
    rows = performance_rows(results, (*OTHER_SYSTEMS, *networks))
    body = tuple((row.setting.title, *_cells(row, validation=False)) for row in rows)
    wu = (
        "After Wu et al.: small convolutional networks from images to outcome, without radiomics or clinical "
        "values, on the slice with most tumour or on the volume, with automatic outlines; the paper reports "
        "accuracies of 52 to 66 % of its own attempts. They are fitted and compared as the other rows are. "
        if networks
        else "End-to-end networks after Wu et al. were not asked for (--cnn). "
    )
    text = (
        "After Nebbia et al.: radiomics of tumour and margin from the original images of five sequences, "
        "outlined by hand. Here: all sequences but the hepatobiliary phase, components and logistic regression "
        f"as in the other rows, and the same splits. {wu}{HOW_TO_READ}"
    )
    header = ("System", *(f.upper() for f in FIGURES))
    return _section(
        "other_systems", "Systems that the paper compares itself with", text, rows, Table(header, body)
    )


def _cells(row: PerformanceRow, *, validation: bool) -> tuple[str, ...]:
    if row.because:
        return tuple("not available" for _ in FIGURES)
    found = row.validation if validation else row.test
    return tuple(str(found[figure]) for figure in FIGURES)


def _section(key: str, title: str, text: str, rows: Sequence[PerformanceRow], table: Table) -> Section:
    notes = "".join(f" Not available: {row.because}." for row in rows if row.because)
    notes += "".join(f" {row.setting.title}: {row.gap}" for row in rows if row.gap)
    splits = max((row.test["auc"].values for row in rows if row.test), default=0)
    loose = max((row.uncalibrated for row in rows), default=0)
    if loose:
        notes += f" {uncalibrated_words(loose, splits)}"
    numbers = {row.setting.key: _numbers(row) for row in rows}
    return Section(key, title, text + notes, as_json(numbers), table)


def _numbers(row: PerformanceRow) -> dict[str, object]:
    if row.because:
        return {"title": row.setting.title, "unavailable": row.because}
    return {
        "title": row.setting.title,
        "test_patients": row.patients,
        "uncalibrated_splits": row.uncalibrated,
        "test": row.test,
        "validation": row.validation,
    }


def headline(results: Results, setting: Setting, *, synthetic: bool = False) -> str:
    """Say in one sentence how the proposed setting did."""
    (row,) = performance_rows(results, [setting])
    if row.because:
        return f"The proposed setting has no result. {row.because}."
    area = row.test["auc"]
    whom, one = ("phantoms", "a phantom") if synthetic else ("patients", "a patient")
    sentence = (
        f"On {whom} that it had never seen, the proposed setting ranked {one} with invasion above one without in"
        f" {100 * area.mean:.0f} of 100 pairs (area under the curve {area})."
    )
    if row.gap:
        sentence += f" {row.gap}"
    if area.low <= 0.5:
        sentence += " The interval includes 0.5, which is chance: this cohort does not show that it works."
    return sentence
