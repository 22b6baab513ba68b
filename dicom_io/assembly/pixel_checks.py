"""What must hold between the four phases of contrast, whatever the scanner; and which order of them would hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from config.matching_limits import PixelRules
from dicom_io.assembly.body_sampling import Samples
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.enhancement import Enhancement, measure
from dicom_io.assembly.refusals import ROLE_WORDS
from pipeline.study import Role

_PRE, _ART, _PV, _HBP = DYNAMIC_ROLES


@dataclass(frozen=True)
class Check:
    """One relation that must hold.

    Parameters
    ----------
    role
        Which choice it doubts.
    limit
        Key of the rules.
    at_least
        Whether the limit is the least value or the most.
    doubt
        The sentence where it does not hold.
    """

    role: Role
    limit: str
    at_least: bool
    ratio: Callable[[Enhancement], float]
    doubt: str


CHECKS = (
    Check(_PRE, "blood_before", False, lambda found: _over(found.blood, _PRE, _HBP),
           "blood is brighter before contrast than in the hepatobiliary phase"),
    Check(_ART, "blood_arterial", True, lambda found: _over(found.blood, _ART, _PRE),
           "blood is hardly brighter in the arterial phase than before contrast"),
    Check(_ART, "blood_peak", True, lambda found: _over(found.blood, _ART, _PV),
           "blood is brighter in the portal venous phase than in the arterial phase"),
    Check(_ART, "blood_reversed", True, lambda found: _over(found.blood, _ART, _PV),
           "the blood of the arterial phase is that of another phase"),
    Check(_ART, "peak", True, lambda found: found.peak,
           "nothing brightens in the arterial phase as much as in the hepatobiliary phase"),
    Check(_PV, "blood_portal", True, lambda found: _over(found.blood, _PV, _PRE),
           "blood is hardly brighter in the portal venous phase than before contrast"),
    Check(_PV, "liver_portal", True, lambda found: _over(found.liver, _PV, _ART),
           "the liver is brighter in the arterial phase than in the portal venous phase"),
    Check(_HBP, "blood_late", False, lambda found: _over(found.blood, _HBP, _PV),
           "blood has not faded in the hepatobiliary phase"),
    Check(_HBP, "liver_hepatobiliary", True, lambda found: found.liver[_HBP],
           "the liver is hardly brighter in the hepatobiliary phase than before contrast"),
    Check(_HBP, "uptake", True, lambda found: found.uptake,
           "more is lost than gained from before contrast to the hepatobiliary phase"),
    Check(_HBP, "liver_uptake", True, lambda found: found.liver_uptake,
           "the liver gained no more than the rest from before contrast to the hepatobiliary phase"),
    Check(_HBP, "liver_to_blood", True, lambda found: found.liver_to_blood,
           "the liver is no brighter than its vessels in the hepatobiliary phase (HBP-INADEQUATE)"),
)  # fmt: skip


WORDS = {
    "blood_before": "blood before contrast / hepatobiliary",
    "blood_arterial": "blood arterial / before contrast",
    "blood_peak": "blood arterial / portal",
    "blood_reversed": "blood arterial / portal",
    "peak": "peak arterial / hepatobiliary",
    "uptake": "gain x loss hepatobiliary / before contrast",
    "liver_uptake": "gain liver / rest, hepatobiliary over before contrast",
    "blood_portal": "blood portal / before contrast",
    "liver_portal": "liver portal / arterial",
    "blood_late": "blood hepatobiliary / portal",
    "liver_hepatobiliary": "liver hepatobiliary / before contrast",
    "liver_to_blood": "liver / blood",
}
"""What each ratio is called in the evidence."""


def doubts(found: Enhancement, rules: PixelRules) -> list[Check]:
    """Return the relations that do not hold."""
    return [check for check in CHECKS if not _holds(check, found, rules)]


def fitting_orders(inside: Samples, rules: PixelRules) -> list[Mapping[Role, Role]]:
    """Return every other order of the phases in which all relations hold: what each role's image would be."""
    found: list[Mapping[Role, Role]] = []
    for order in permutations(DYNAMIC_ROLES):
        arranged = {role: inside[image] for role, image in zip(DYNAMIC_ROLES, order, strict=True)}
        if order != DYNAMIC_ROLES and not doubts(measure(arranged), rules):
            found.append(dict(zip(order, DYNAMIC_ROLES, strict=True)))
    return found


def describe(orders: Sequence[Mapping[Role, Role]]) -> str:
    """Return a sentence that says in which other order the images would be right."""
    if len(orders) != 1:
        return "They fit other orders of the phases without contradiction."
    said = (
        f"what is chosen as the {ROLE_WORDS[role]} looks like the {ROLE_WORDS[orders[0][role]]}"
        for role in DYNAMIC_ROLES
        if orders[0][role] is not role
    )
    return f"They fit another order without contradiction: {', '.join(said)}."


def _holds(check: Check, found: Enhancement, rules: PixelRules) -> bool:
    limit, value = float(getattr(rules, check.limit)), check.ratio(found)
    return value >= limit if check.at_least else value <= limit


def _over(values: Mapping[Role, float], one: Role, other: Role) -> float:
    return values[one] / max(values[other], 1e-6)
