"""The limits that a bundle takes from the cases it was made of."""

import numpy as np

from pipeline.model_bundle import PipelineSettings
from pipeline.training.classifier import ClassifierFit
from pipeline.training.feature_table import FeatureTable

DISTANCE_ALLOWANCE = 1.5
"""The bundle accepts cases up to this multiple of what 99 % of the left-out cases keep."""
LIKENESS_ALLOWANCE = 1.1
"""The same of `GateSettings.maximum_displaced_likeness`, which has less room: 0.74 of the phantoms becomes 0.82,
and series of another patient have 0.85 and more (EVIDENCE.md of phantom-demo)."""
FEWEST_LIKENESSES = 20
"""Cases below which that would say little. Not all need to tell: those extracted by earlier software did not."""


def with_limits(settings: PipelineSettings, fit: ClassifierFit, table: FeatureTable) -> PipelineSettings:
    """Set what the model was made for from its cases, except what the cohort file states.

    Parameters
    ----------
    settings
        Of the cohort file.
    fit
        What left-out cases keep.
    table
        The cases.
    """
    fields_t = table.field_strength_t
    measured = {
        # One case that does not tell its field strength may be of any.
        "field_strengths_t": None
        if np.isnan(fields_t).any()
        else tuple(float(field_t) for field_t in np.unique(fields_t.round(1))),
        "contrast_agents": _named_agents(table),
        "maximum_displaced_likeness": _displaced_likeness(table),
        "maximum_mahalanobis": round(DISTANCE_ALLOWANCE * fit.mahalanobis_99, 1),
        "maximum_outside_share": min(1.0, round(DISTANCE_ALLOWANCE * fit.outside_share_99, 3)),
    }
    stated = settings.gates.model_fields_set
    wanted = {name: limit for name, limit in measured.items() if name not in stated}
    return settings.model_copy(update={"gates": settings.gates.model_copy(update=wanted)})


def _named_agents(table: FeatureTable) -> tuple[str, ...] | None:
    """Return the contrast agents of the cases; None where a case does not tell its own, which may be any."""
    if not table.contrast_agents or not all(table.contrast_agents):
        return None
    return tuple(sorted({name for names in table.contrast_agents for name in names.split()}))


def _displaced_likeness(table: FeatureTable) -> float | None:
    """Return a limit above what 99 % of the cases keep; None where too few tell."""
    known = table.displaced_likeness[np.isfinite(table.displaced_likeness)]
    if len(known) < FEWEST_LIKENESSES:
        return None
    return min(1.0, round(LIKENESS_ALLOWANCE * float(np.percentile(known, 99)), 2))
