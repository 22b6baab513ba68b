"""Do the sequences fit together, and the case to the model?"""

from collections.abc import Mapping

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
    farthest, most, least = (
        max(moved, key=moved.__getitem__),
        max(turned, key=turned.__getitem__),
        min(shared, key=shared.__getitem__),
    )
    return (
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
    )


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
