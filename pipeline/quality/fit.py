"""Do the sequences fit together, and the case to the model?"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.analysis import GateOutcome, RegistrationOutcome
from pipeline.quality.refusal import at_least, at_most
from pipeline.quality.settings import GateSettings
from pipeline.study import Role


def registration_gates(
    outcomes: Mapping[Role, RegistrationOutcome], settings: GateSettings
) -> tuple[GateOutcome, ...]:
    """Judge how far the sequences were moved, and whether they show the same body afterwards."""
    moved = {role: float(np.linalg.norm(outcome.translation_mm)) for role, outcome in outcomes.items()}
    turned = {role: float(np.abs(outcome.rotation_deg).max()) for role, outcome in outcomes.items()}
    shared = {role: -outcome.metric for role, outcome in outcomes.items()}
    turned_over = {
        # Nothing in common with either image: the likeness says so.
        role: outcome.metric_mirrored / outcome.metric if outcome.metric < 0 else 0.0
        for role, outcome in outcomes.items()
    }
    narrowest = min(outcomes, key=lambda role: outcomes[role].overlap)
    mirrored = max(turned_over, key=turned_over.__getitem__)
    farthest, most, least = (
        max(moved, key=moved.__getitem__),
        max(turned, key=turned.__getitem__),
        min(shared, key=shared.__getitem__),
    )
    gates = [
        at_least(
            "registration_overlap",
            outcomes[narrowest].overlap,
            settings.minimum_overlap,
            f"{narrowest} and the hepatobiliary phase have too little in common.",
        ),
        at_most(
            "registration_displacement",
            moved[farthest],
            settings.maximum_displacement_mm,
            f"{farthest} had to be moved by {moved[farthest]:.0f} mm to fit the hepatobiliary phase.",
        ),
        at_most(
            "registration_rotation",
            turned[most],
            settings.maximum_rotation_deg,
            f"{most} had to be turned by {turned[most]:.0f} degrees to fit the hepatobiliary phase.",
        ),
        at_least(
            "registration_similarity",
            shared[least],
            settings.minimum_mutual_information,
            f"{least} does not look like the hepatobiliary phase after registration.",
        ),
        at_most(
            "registration_mirror",
            turned_over[mirrored],
            settings.maximum_mirrored_likeness,
            f"{mirrored} fits the hepatobiliary phase better, or nearly as well, where its images are mirrored.",
        ),
    ]
    if settings.maximum_displaced_likeness is not None:
        blunt = {role: displaced_likeness(outcome) for role, outcome in outcomes.items()}
        bluntest = max(blunt, key=blunt.__getitem__)
        gates.append(
            at_most(
                "registration_detail",
                blunt[bluntest],
                settings.maximum_displaced_likeness,
                f"{bluntest} fits the hepatobiliary phase in its outline and not in its details.",
            )
        )
    return tuple(gates)


def displaced_likeness(outcome: RegistrationOutcome) -> float:
    """Return the likeness that is left after a further shift of 4 mm, as a share; 0 where none can be lost."""
    return outcome.metric_displaced / outcome.metric if outcome.metric < 0 else 0.0


def field_strength_gates(field_strength_t: float | None, settings: GateSettings) -> tuple[GateOutcome, ...]:
    """Judge whether the model was trained at a field strength like this one.

    Relaxation, and with it every contrast, depends on it.

    Parameters
    ----------
    field_strength_t
        Of the study, T; None where no header states it, which nothing can be judged by.
    settings
        With the field strengths of the training cases.
    """
    if field_strength_t is None or settings.field_strengths_t is None:
        return ()
    known = _listed(settings.field_strengths_t)
    distance_t = min(abs(field_strength_t - trained) for trained in settings.field_strengths_t)
    return (
        at_most(
            "field_strength",
            distance_t,
            settings.field_tolerance_t,
            f"The images were acquired at {field_strength_t:g} T; the model was trained at {known} T.",
        ),
    )


def field_strength_doubt(field_strength_t: float | None, settings: GateSettings) -> tuple[str, ...]:
    """Say that the field strength could not be judged, where the model states its own."""
    if field_strength_t is not None or settings.field_strengths_t is None:
        return ()
    known = _listed(settings.field_strengths_t)
    return (f"No header states the field strength; the model was trained at {known} T.",)


def agent_gates(contrast_agents: Sequence[str], settings: GateSettings) -> tuple[GateOutcome, ...]:
    """Judge whether the model was trained with the contrast agent of this study.

    Uptake by the liver, and with it what the hepatobiliary phase shows, depends on it.

    Parameters
    ----------
    contrast_agents
        That the study names; none where no header does, which nothing can be judged by.
    settings
        With the agents of the training cases.

    Returns
    -------
    tuple[GateOutcome, ...]
        The number of agents that no training case had, against none.
    """
    if not contrast_agents or settings.contrast_agents is None:
        return ()
    strange = sorted(set(contrast_agents) - set(settings.contrast_agents))
    known = ", ".join(sorted(settings.contrast_agents))
    return (
        at_most(
            "contrast_agent",
            len(strange),
            0,
            f"The contrast agent of the study is {', '.join(strange)}; the model was trained with {known}.",
        ),
    )


def agent_doubt(contrast_agents: Sequence[str], settings: GateSettings) -> tuple[str, ...]:
    """Say that the contrast agent could not be judged, where the model states its own."""
    if contrast_agents or settings.contrast_agents is None:
        return ()
    known = ", ".join(sorted(settings.contrast_agents))
    return (f"No header names the contrast agent; the model was trained with {known}.",)


def _listed(field_strengths_t: Sequence[float]) -> str:
    return ", ".join(f"{trained:g}" for trained in sorted(field_strengths_t))


def distribution_gates(
    outside_share: float, mahalanobis: float, settings: GateSettings
) -> tuple[GateOutcome, ...]:
    """Judge whether the case resembles those the model was trained on."""
    gates = [
        at_most(
            "feature_range",
            outside_share,
            settings.maximum_outside_share,
            f"{outside_share:.0%} of the features lie outside the range of the training cases.",
        )
    ]
    if settings.maximum_mahalanobis is not None:
        gates.append(
            at_most(
                "feature_distance",
                mahalanobis,
                settings.maximum_mahalanobis,
                f"The images are {mahalanobis:.1f} standard deviations away from the training cases.",
            )
        )
    return tuple(gates)
