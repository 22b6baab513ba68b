"""Whether the chosen phases look like what the headers call them. Pixels can veto a choice and never make one.

The veto holds against a person's choice as well: who assigned the wrong series is told so by nothing else. One
contradiction warns and several refuse, as for any choice; only the score, which an assignment overrides, does not
count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from config.series_rules import SeriesRules
from dicom_io.assembly.body_sampling import STEP_MM, sample, strangers, unlike
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.enhancement import Enhancement, measure
from dicom_io.assembly.frame_pixels import OpenFiles
from dicom_io.assembly.match_result import Evidence, MatchResult, RoleMatch
from dicom_io.assembly.pixel_checks import CHECKS, WORDS, Check, describe, doubts, fitting_orders
from dicom_io.assembly.placement import placement_objection
from dicom_io.assembly.processed import Middles, middles_of, processed_objections, read_middles
from dicom_io.assembly.refusals import Refusal, name_roles, refuse
from dicom_io.assembly.volumes import assemble_role
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role
from pipeline.volume import Volume

PIXEL_DATA = "(7FE0,0010)"

_LEAST_SLICES = 4
"""Kept of a phase, however near to one another they lie."""


def inspect(
    match: MatchResult, volumes: Mapping[Role, Volume], rules: SeriesRules, middles: Middles | None = None
) -> MatchResult:
    """Compare the phases of an accepted match with what their names promise.

    Parameters
    ----------
    match
        Accepted, or refused and then returned as it is.
    volumes
        Of at least the four T1 roles.
    rules
        Limits and weights.
    middles
        Neighbouring slices of each phase; None: the volumes are whole, and hold them.

    Returns
    -------
    MatchResult
        With the evidence of the pixels, and a warning for each contradiction; refused with ``SM-PIXEL`` from as
        many contradictions on as the rules say, where a score falls below its minimum, where the images contradict
        the headers and agree with another order of the phases, which counts as a contradiction more, where a phase
        lies elsewhere than the others, is mirrored, does not show their body, or too little of it, is an image of
        another one's acquisition, or a projection; with ``SM-AMBIG-...`` where it is an image of the acquisition
        of a series that was not chosen.
    """
    if match.code is not None:
        return match
    elsewhere = placement_objection(match, volumes, rules.pixels)
    if elsewhere is not None:
        return _refused(match, elsewhere)
    inside = sample({role: volumes[role] for role in DYNAMIC_ROLES})
    if inside is None:
        phases = {role: volumes[role] for role in DYNAMIC_ROLES}
        return _not_one_body(match, strangers(phases), unlike(phases))
    objection = next(processed_objections(match, volumes, middles or middles_of(volumes), rules.pixels), None)
    if objection is not None:
        return _refused(match, objection)
    found = measure(inside)
    against = doubts(found, rules.pixels)
    orders = fitting_orders(inside, rules.pixels) if against else []
    roles = {role: _judged(chosen, against, found, rules) for role, chosen in match.roles.items()}
    doubted = [_doubt(check, found, rules) for check in against]
    warnings = tuple(f"Pixels: {doubt}." for doubt in doubted)
    judged = replace(match, roles=roles, warnings=(*match.warnings, *warnings))
    weak = any(
        roles[check.role].assigned is None
        and roles[check.role].score < rules.decision.minimum_score[check.role.value]
        for check in against
    )
    # One contradiction may be a poor examination; not where the same images agree in another order.
    if len(against) + len(orders[:1]) < rules.pixels.contradictions and not weak:
        return judged
    said = "; ".join(doubted)
    said = f"The images contradict the headers: {said}."
    said = f"{said} {describe(orders)}" if orders else said
    return _refused(replace(judged, warnings=match.warnings), refuse("SM-PIXEL", said))


def inspect_files(match: MatchResult, rules: SeriesRules) -> MatchResult:
    """Inspect an accepted match from its files, of each phase only as many slices as are compared.

    What cannot be decoded, is empty, or no straight stack, is refused with the code that its analysis would end
    with. Where a file cannot be read, the match stands as the headers have it, with a warning.
    """
    if match.code is not None:
        return match
    files = OpenFiles()
    try:
        volumes = {role: assemble_role(_thinned(match.roles[role]), files).volume for role in Role}
        middles = read_middles(match, files)
    except UnsuitableStudyError as error:
        if isinstance(error.__cause__, OSError):
            return replace(match, warnings=(*match.warnings, f"Pixels were not compared: {error.message}"))
        return _refused(match, Refusal(error.code, error.message, error.remedy))
    return inspect(match, volumes, rules, middles)


def _not_one_body(match: MatchResult, foreign: Sequence[Role], apart: Sequence[tuple[Role, Role]]) -> MatchResult:
    """Refuse phases that do not show one body, by name where it can be told which do not."""
    if not foreign and apart:
        pair = " and ".join(
            f"{name_roles([role])} (series {match.roles[role].series_number})" for role in apart[0]
        )
        said = (
            f"what is chosen as the {pair} does not show one body; one of them may be a subtraction or a fat image"
        )
        return _refused(match, refuse("SM-PIXEL", f"The images contradict the headers: {said}."))
    if not foreign:
        said = "the phases do not show one body, or have too little of it in common to be compared"
        return _refused(match, refuse("SM-PIXEL", f"The images contradict the headers: {said}."))
    numbers = " and ".join(str(match.roles[role].series_number) for role in foreign)
    named = f"{name_roles(list(foreign))} (series {numbers})"
    said = f"what is chosen as the {named} does not show the body that the other phases show"
    said = f"The images contradict the headers: {said}; it may be a subtraction or a fat image."
    return _refused(match, refuse("SM-PIXEL", said))


def _refused(match: MatchResult, refusal: Refusal) -> MatchResult:
    return replace(match, status="refused", code=refusal.code, message=refusal.message, remedy=refusal.remedy)


def _doubt(check: Check, found: Enhancement, rules: SeriesRules) -> str:
    """Return what does not hold, by how much, and which limit says so."""
    sign, limit = ">=" if check.at_least else "<=", float(getattr(rules.pixels, check.limit))
    return f"{check.doubt} (ratio {check.ratio(found):.2f}, [pixels] {check.limit} {sign} {limit:g})"


def _judged(chosen: RoleMatch, doubted: Sequence[Check], found: Enhancement, rules: SeriesRules) -> RoleMatch:
    own = [check for check in CHECKS if check.role is chosen.role]
    if not own:
        return chosen
    consistent, contradicting = rules.weights.pixels[chosen.role.value]
    against = [check for check in own if check in doubted]
    # Two limits may bound one ratio.
    shown = "; ".join(dict.fromkeys(f"{WORDS[check.limit]} {check.ratio(found):.2f}" for check in against or own))
    weight = contradicting * len(against) if against else consistent
    evidence = (*chosen.evidence, Evidence("pixels", PIXEL_DATA, shown, weight, f"weights.pixels.{chosen.role}"))
    return replace(chosen, evidence=evidence, score=round(chosen.score + weight, 2))


def _thinned(chosen: RoleMatch) -> RoleMatch:
    """Return a role with every n-th slice, about as far apart as phases are compared."""
    numbers = chosen.frame_numbers
    slices = len(numbers or chosen.instances)
    stride = max(1, min(int(STEP_MM[2] // max(chosen.step_mm, 1.0)), (slices - 1) // _LEAST_SLICES))
    if len(chosen.instances) > 1:
        return replace(chosen, instances=chosen.instances[::stride])
    return replace(chosen, frame_numbers=None if numbers is None else numbers[::stride])
