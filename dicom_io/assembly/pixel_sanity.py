"""Whether the chosen phases look like what the headers call them. Pixels can veto a choice and never make one.

The veto holds against a person's choice as well: who assigned the wrong series is told so by nothing else. One
contradiction warns and several refuse, as for any choice; only the score, which an assignment overrides, does not
count.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from config.series_rules import PixelRules, SeriesRules
from dicom_io.assembly.enhancement import STEP_MM, Enhancement, measure
from dicom_io.assembly.evidence import DYNAMIC_ROLES
from dicom_io.assembly.frame_pixels import OpenFiles
from dicom_io.assembly.match_result import Evidence, MatchResult, RoleMatch
from dicom_io.assembly.refusals import refuse
from dicom_io.assembly.volumes import assemble_role
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role
from pipeline.volume import Volume

PIXEL_DATA = "(7FE0,0010)"

_LEAST_SLICES = 4
"""Kept of a phase, however near to one another they lie."""

_PRE, _ART, _PV, _HBP = DYNAMIC_ROLES


@dataclass(frozen=True)
class _Check:
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


_CHECKS = (
    _Check(_PRE, "blood_before", False, lambda found: _over(found.blood, _PRE, _HBP),
           "blood is brighter before contrast than in the hepatobiliary phase"),
    _Check(_ART, "blood_arterial", True, lambda found: _over(found.blood, _ART, _PRE),
           "blood is hardly brighter in the arterial phase than before contrast"),
    _Check(_ART, "blood_peak", True, lambda found: _over(found.blood, _ART, _PV),
           "blood is brighter in the portal venous phase than in the arterial phase"),
    _Check(_PV, "blood_portal", True, lambda found: _over(found.blood, _PV, _PRE),
           "blood is hardly brighter in the portal venous phase than before contrast"),
    _Check(_PV, "liver_portal", True, lambda found: _over(found.liver, _PV, _ART),
           "the liver is brighter in the arterial phase than in the portal venous phase"),
    _Check(_HBP, "blood_late", False, lambda found: _over(found.blood, _HBP, _PV),
           "blood has not faded in the hepatobiliary phase"),
    _Check(_HBP, "liver_hepatobiliary", True, lambda found: found.liver[_HBP],
           "the liver is hardly brighter in the hepatobiliary phase than before contrast"),
    _Check(_HBP, "liver_to_blood", True, lambda found: found.liver_to_blood,
           "the liver is no brighter than its vessels in the hepatobiliary phase (HBP-INADEQUATE)"),
)  # fmt: skip


_WORDS = {
    "blood_before": "blood before contrast / hepatobiliary",
    "blood_arterial": "blood arterial / before contrast",
    "blood_peak": "blood arterial / portal",
    "blood_portal": "blood portal / before contrast",
    "liver_portal": "liver portal / arterial",
    "blood_late": "blood hepatobiliary / portal",
    "liver_hepatobiliary": "liver hepatobiliary / before contrast",
    "liver_to_blood": "liver / blood",
}


def inspect(match: MatchResult, volumes: Mapping[Role, Volume], rules: SeriesRules) -> MatchResult:
    """Compare the phases of an accepted match with what their names promise.

    Parameters
    ----------
    match
        Accepted, or refused and then returned as it is.
    volumes
        Of at least the four T1 roles.
    rules
        Limits and weights.

    Returns
    -------
    MatchResult
        With the evidence of the pixels, and a warning for each contradiction; refused with ``SM-PIXEL`` from as
        many contradictions on as the rules say, or where a score falls below its minimum.
    """
    if match.code is not None:
        return match
    found = measure({role: volumes[role] for role in DYNAMIC_ROLES})
    if found is None:
        doubt = "Pixels were not compared: the phases do not show one body, or too little of it."
        return replace(match, warnings=(*match.warnings, doubt))
    doubts = [check for check in _CHECKS if not _holds(check, found, rules.pixels)]
    roles = {role: _judged(chosen, doubts, found, rules) for role, chosen in match.roles.items()}
    warnings = tuple(f"Pixels: {check.doubt} (ratio {check.ratio(found):.2f})." for check in doubts)
    judged = replace(match, roles=roles, warnings=(*match.warnings, *warnings))
    weak = any(
        roles[check.role].assigned is None
        and roles[check.role].score < rules.decision.minimum_score[check.role.value]
        for check in doubts
    )
    if len(doubts) < rules.pixels.contradictions and not weak:
        return judged
    said = "; ".join(check.doubt for check in doubts)
    refusal = refuse("SM-PIXEL", f"The images contradict the headers: {said}.")
    return replace(
        judged,
        status="refused",
        code=refusal.code,
        message=refusal.message,
        remedy=refusal.remedy,
        warnings=match.warnings,
    )


def inspect_files(match: MatchResult, rules: SeriesRules) -> MatchResult:
    """Inspect an accepted match from its files, of each phase only as many slices as are compared.

    Where a phase cannot be decoded, the match stands as the headers have it, with a warning: its analysis will say
    with which code it cannot be done.
    """
    if match.code is not None:
        return match
    files = OpenFiles()
    try:
        volumes = {role: assemble_role(_thinned(match.roles[role]), files).volume for role in DYNAMIC_ROLES}
    except UnsuitableStudyError as error:
        return replace(match, warnings=(*match.warnings, f"Pixels were not compared: {error.message}"))
    return inspect(match, volumes, rules)


def _judged(chosen: RoleMatch, doubts: list[_Check], found: Enhancement, rules: SeriesRules) -> RoleMatch:
    own = [check for check in _CHECKS if check.role is chosen.role]
    if not own:
        return chosen
    consistent, contradicting = rules.weights.pixels[chosen.role.value]
    against = [check for check in own if check in doubts]
    shown = "; ".join(f"{_WORDS[check.limit]} {check.ratio(found):.2f}" for check in against or own)
    weight = contradicting * len(against) if against else consistent
    evidence = (*chosen.evidence, Evidence("pixels", PIXEL_DATA, shown, weight, f"weights.pixels.{chosen.role}"))
    return replace(chosen, evidence=evidence, score=round(chosen.score + weight, 2))


def _holds(check: _Check, found: Enhancement, rules: PixelRules) -> bool:
    limit, value = float(getattr(rules, check.limit)), check.ratio(found)
    return value >= limit if check.at_least else value <= limit


def _over(values: Mapping[Role, float], one: Role, other: Role) -> float:
    return values[one] / max(values[other], 1e-6)


def _thinned(chosen: RoleMatch) -> RoleMatch:
    """Return a role with every n-th slice, about as far apart as phases are compared."""
    numbers = chosen.frame_numbers
    slices = len(numbers or chosen.instances)
    stride = max(1, min(int(STEP_MM[2] // max(chosen.step_mm, 1.0)), (slices - 1) // _LEAST_SLICES))
    if len(chosen.instances) > 1:
        return replace(chosen, instances=chosen.instances[::stride])
    return replace(chosen, frame_numbers=None if numbers is None else numbers[::stride])
