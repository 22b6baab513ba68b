"""What the first page says of a cohort before any figure."""

from typing import Any

from pipeline.evaluation.calibration import uncalibrated_words
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.parts import Masks
from pipeline.evaluation.rows import PROPOSED
from pipeline.evaluation.scores import Results

SMALL_CLASS = 20
"""Patients of either outcome below which the first page warns."""


def cohort_facts(cohort: EvaluationCohort) -> dict[str, Any]:
    """Count a cohort."""
    return {
        "name": cohort.name,
        "synthetic": cohort.synthetic,
        "patients": len(cohort.patients),
        "with_invasion": int(cohort.mvi.sum()),
        "without_invasion": int((~cohort.mvi).sum()),
        "without_features": cohort.without_features,
        "features": {masks.value: len(block.names) for masks, block in cohort.radiomics.items()},
        "with_manual_features": int(cohort.radiomics[Masks.MANUAL].known.sum())
        if Masks.MANUAL in cohort.radiomics
        else 0,
        "with_all_clinical_values": int(cohort.complete.sum()),
        "taught_the_segmentation": None if cohort.teachers_unknown else int(cohort.taught_segmentation.sum()),
    }


def warnings_of(cohort: EvaluationCohort, shuffled: bool) -> tuple[str, ...]:
    """Warn of what makes figures doubtful."""
    found = []
    if cohort.synthetic:
        found.append(
            "SYNTHETIC PHANTOMS, no patients. Wherever this report says patient, read phantom. The figures show "
            "what the procedure finds where the truth is known; they say nothing about any patient and are not to "
            "be quoted as clinical ones."
        )
    if shuffled:
        found.append(
            "The outcomes were SHUFFLED among the patients before anything else. Every figure must come out as "
            "chance; this report shows that the procedure is honest, and says nothing about the model."
        )
    found += few_warnings(int(cohort.mvi.sum()), int((~cohort.mvi).sum()))
    if cohort.without_features:
        found.append(
            f"{cohort.without_features} more cases of the cohort file have no features, since extraction "
            "refused them or has not reached them, and are in no figure. If they differ from the others, so "
            "would the figures."
        )
    if not cohort.complete.all():
        found.append(
            f"{int((~cohort.complete).sum())} of {len(cohort.patients)} patients lack a clinical value; "
            "settings with clinical values leave them out."
        )
    if cohort.teachers_unknown:
        found.append(
            "Nobody can tell whether the segmentation learnt from these patients. Nobody is tested with automatic "
            "outlines."
        )
    elif cohort.taught_segmentation.any():
        found.append(
            f"The segmentation learnt from {int(cohort.taught_segmentation.sum())} of {len(cohort.patients)} "
            "patients. They are not tested with automatic outlines."
        )
    return tuple(found)


def few_warnings(invaded: int, others: int) -> list[str]:
    """Warn of outcomes that too few patients have."""
    return [
        f"Only {count} patients {outcome} invasion. With fewer than {SMALL_CLASS} of either outcome no figure "
        "here can support a decision; read the intervals, not the means."
        for outcome, count in (("with", invaded), ("without", others))
        if count < SMALL_CLASS
    ]


def procedure(results: Results) -> str:
    """Say what was fitted to which part, as it was done: not every validation part can calibrate."""
    parts = results.test.get(PROPOSED.key) or next(iter(results.test.values()), ())
    loose = sum(not part.calibrated for part in parts)
    chosen = (
        "hyper-parameter, threshold and calibration were"
        if loose < len(parts)
        else ("hyper-parameter and threshold were")
    )
    return " ".join(
        (
            "Scaling, components, selection and weights were fitted to the first part alone; "
            f"{chosen} chosen on the second; all figures are of the third unless it is said otherwise.",
            *([uncalibrated_words(loose, len(parts))] if loose else []),
            "A figure whose patients were seen in fitting is not shown.",
        )
    )
