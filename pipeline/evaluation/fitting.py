"""Fit one setting in one split, and score patients that it has not seen."""

import numpy as np
from scipy.special import expit
from sklearn.metrics import log_loss

from pipeline.classification.reduction import Reduction
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.fitted import FittedSetting, Seen, inputs_of
from pipeline.evaluation.models import candidates
from pipeline.evaluation.parts import BoolArray, IndexArray, Masks
from pipeline.evaluation.principal import fit_reduction
from pipeline.evaluation.settings import EvaluationSettings, Setting
from pipeline.evaluation.splits import Part, Split
from pipeline.evaluation.univariate import analyse_columns
from pipeline.training.calibration import calibrate, youden_threshold

Reductions = dict[tuple[Masks, bytes, bytes], tuple[Reduction, IndexArray]]
"""Of one split, by what they were fitted to: settings that differ in the model alone share them."""


def usable(cohort: EvaluationCohort, setting: Setting) -> BoolArray:
    """Tell who has everything that a setting needs; (patients,)."""
    fit = np.ones(len(cohort.patients), dtype=bool)
    if setting.masks is not None:
        block = cohort.radiomics.get(setting.masks)
        fit &= False if block is None else block.known
    if setting.view is not None:
        fit &= False if cohort.pictures is None else cohort.pictures.known
    return fit & cohort.complete if setting.clinical else fit


def fit_setting(
    cohort: EvaluationCohort, split: Split, setting: Setting, settings: EvaluationSettings, reductions: Reductions
) -> FittedSetting:
    """Fit to the training part, and choose by the validation part.

    Parameters
    ----------
    cohort, split
        Whose test part is not touched.
    setting, settings
        What is fitted, and how.
    reductions
        Those of this split so far; a new one is added.

    Raises
    ------
    EvaluationError
        ``EV-FEW``: too few patients have what the setting needs.
    """
    able = usable(cohort, setting)
    training, validation = split.training[able[split.training]], split.validation[able[split.validation]]
    for part, rows in ((Part.TRAINING, training), (Part.VALIDATION, validation)):
        require_both_classes(cohort.mvi[rows], part, setting)
    reduction, features = _reduction(cohort, training, setting, settings, reductions)
    clinical = _clinical_columns(cohort, training, setting, settings)
    inputs = inputs_of(cohort, training, setting, reduction, features, clinical)
    held_out = inputs_of(cohort, validation, setting, reduction, features, clinical)
    fits = candidates(setting.model, inputs, cohort.mvi[training], settings, split.seed)
    losses = [
        (float(log_loss(cohort.mvi[validation], expit(scorer(held_out)), labels=[False, True])), name, scorer)
        for name, scorer in fits
    ]
    _, chosen, scorer = min(losses, key=lambda fit: fit[0])
    logits = scorer(held_out)
    slope, intercept, calibrated = calibrate(logits, cohort.mvi[validation])
    threshold = youden_threshold(np.asarray(expit(slope * logits + intercept)), cohort.mvi[validation])
    seen = Seen(_names(cohort, training), _names(cohort, validation))
    return FittedSetting(
        setting, reduction, features, clinical, scorer, chosen, slope, intercept, calibrated, threshold, seen
    )


def require_both_classes(mvi: BoolArray, part: Part, setting: Setting) -> None:
    """Check that a part can be used; ``EV-FEW`` where it lacks one of the outcomes."""
    if not 0 < mvi.sum() < len(mvi):
        raise EvaluationError(
            "EV-FEW",
            f"{setting.title}: its {part.value} part has {int(mvi.sum())} patients with and {int((~mvi).sum())} "
            "without invasion that have all it needs",
        )


def _reduction(
    cohort: EvaluationCohort,
    training: IndexArray,
    setting: Setting,
    settings: EvaluationSettings,
    reductions: Reductions,
) -> tuple[Reduction | None, IndexArray]:
    if setting.masks is None or setting.view is not None:
        return None, np.zeros(0, dtype=np.intp)
    block = cohort.radiomics[setting.masks]
    columns = block.columns(setting.roles, originals_only=setting.originals_only)
    if not len(columns):
        raise EvaluationError("EV-NONE", f"{setting.title}: the cohort has no features of it; extract them")
    key = (setting.masks, columns.tobytes(), training.tobytes())
    if key not in reductions:
        fitted = fit_reduction(block.values[np.ix_(training, columns)], settings.network.components)
        reductions[key] = (fitted, columns)
    return reductions[key]


def _clinical_columns(
    cohort: EvaluationCohort, training: IndexArray, setting: Setting, settings: EvaluationSettings
) -> IndexArray:
    every = cohort.used if setting.clinical else np.zeros(0, dtype=np.intp)
    if not len(every) or not settings.select_clinical:
        return every
    columns = tuple(cohort.columns[n] for n in every)
    values = cohort.clinical[np.ix_(training, every)]
    p = np.array([row.p for row in analyse_columns(columns, values, cohort.mvi[training])])
    selected = every[p < settings.selection_p]
    # A setting with clinical values has at least one of them.
    return selected if len(selected) else every[[int(np.argmin(np.where(np.isfinite(p), p, np.inf)))]]


def _names(cohort: EvaluationCohort, rows: IndexArray) -> frozenset[str]:
    return frozenset(cohort.patients[row] for row in rows)
