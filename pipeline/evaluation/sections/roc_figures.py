"""Figures 2 and 3: receiver operating characteristics by setting and by tumour size."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.paper import PAPER_SIZE_AUC
from pipeline.evaluation.plots import roc_panels
from pipeline.evaluation.roc import RocBand, roc_band
from pipeline.evaluation.rows import CLINICAL, PROPOSED, RADIOMICS
from pipeline.evaluation.scores import Results, Scored
from pipeline.evaluation.section import Section, as_json

SIZES_MM = {"under 3 cm": (0.0, 30.0), "3 to 5 cm": (30.0, 50.0), "over 5 cm": (50.0, float("inf"))}
"""Least and largest diameter, mm; 30 and 50 mm themselves belong to the middle."""
LEAST_IN_GROUP = 5
"""Patients of either outcome below which a curve of a group of sizes would be false certainty."""
FIGURE_2 = {"clinical + radiomics": PROPOSED, "radiomics": RADIOMICS, "clinical": CLINICAL}


def figure_2(results: Results) -> Section:
    """Draw the settings."""
    bands: list[tuple[str, RocBand | str]] = [
        (title, roc_band(results.test[setting.key]) if setting.key in results.test else "not available")
        for title, setting in FIGURE_2.items()
    ]
    missing = [results.unavailable[s.key] for s in FIGURE_2.values() if s.key in results.unavailable]
    text = (
        "Mean curve of the test parts with its pointwise 95 % band. The dotted diagonal is chance; the further "
        "the "
        "curve runs above it, the better. " + ". ".join(missing)
    )
    return _section("figure_2", "Figure 2. ROC curves by setting, automatic outlines", text, bands)


def figure_3(results: Results, cohort: EvaluationCohort) -> Section:
    """Draw the proposed setting by the diameter of the largest tumour."""
    parts = results.test.get(PROPOSED.key, ())
    bands: list[tuple[str, RocBand | str]] = []
    for title, (low, high) in SIZES_MM.items():
        bands.append((title, _band([_within(part, cohort, low, high) for part in parts], cohort)))
    counts = "; ".join(
        f"{title}: {int(of_size.sum())} patients, {int(cohort.mvi[of_size].sum())} with invasion"
        for title, (low, high) in SIZES_MM.items()
        for of_size in [_of_size(cohort, low, high)]
    )
    paper = ", ".join(f"{title} {area:.3f} ± {half:.3f}" for title, (area, half) in PAPER_SIZE_AUC.items())
    text = (
        f"The proposed setting, fitted to all sizes and tested on patients of one. {counts}. In small groups "
        "the curve "
        f"is rough and its band wide. The paper reports for {paper}. " + results.unavailable.get(PROPOSED.key, "")
    )
    return _section("figure_3", "Figure 3. ROC curves by tumour size", text, bands)


def _of_size(cohort: EvaluationCohort, low: float, high: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    size = cohort.diameter_mm
    # The middle group has both its bounds.
    inside = (
        (size >= low) & (size <= high) if (low, high) == SIZES_MM["3 to 5 cm"] else (size > low) & (size < high)
    )
    return np.asarray(inside)


def _within(part: Scored, cohort: EvaluationCohort, low: float, high: float) -> Scored:
    keep = _of_size(cohort, low, high)[part.rows]
    return replace(
        part,
        patients=tuple(patient for patient, kept in zip(part.patients, keep, strict=True) if kept),
        rows=part.rows[keep],
        mvi=part.mvi[keep],
        probability=part.probability[keep],
    )


def _band(parts: Sequence[Scored], cohort: EvaluationCohort) -> RocBand | str:
    usable = [part for part in parts if 0 < part.mvi.sum() < len(part.mvi)]
    if not usable:
        return "not available"
    mvi = cohort.mvi[np.unique(np.concatenate([part.rows for part in parts]))]
    if min(int(mvi.sum()), int((~mvi).sum())) < LEAST_IN_GROUP:
        return f"too few patients:\n{int(mvi.sum())} with invasion,\n{int((~mvi).sum())} without"
    return roc_band(usable)


def _section(key: str, title: str, text: str, bands: list[tuple[str, RocBand | str]]) -> Section:
    numbers = {
        name: {"unavailable": found.replace("\n", " ")}
        if isinstance(found, str)
        else {
            "auc": found.area,
            "patients": found.patients,
            "false_rate": found.false_rate,
            "sensitivity": found.mean,
            "low": found.low,
            "high": found.high,
        }
        for name, found in bands
    }
    return Section(key, title, text.strip(), as_json(numbers), figure=roc_panels(bands))
