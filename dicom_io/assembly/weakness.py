"""Choices that too little speaks for: a circular clock, a phase maybe late, a low score, one family alone."""

from collections.abc import Iterator, Mapping

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.evidence import supporting_families
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, refuse
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role


def weak_objections(
    choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules
) -> Iterator[Refusal]:
    """Yield the choices that too little speaks for."""
    circular = timing is not None and not timing.measured and not _anchored(choices)
    if circular and Role.T1_ARTERIAL in choices:
        yield refuse(
            f"SM-WEAK-{Role.T1_ARTERIAL}",
            "No description, agent phase or recorded injection tells which T1 phase is the arterial one: no word "
            "of [lexicon] arterial, no (0018,9344), no (0018,1042) on the clock of the scanner.",
        )
    portal = choices.get(Role.T1_PORTAL)
    if timing is not None and portal is not None and _maybe_late(portal, timing, rules):
        elapsed = timing.clock.instants_s[portal.subvolume] - timing.injection_s
        yield refuse(
            f"SM-WEAK-{Role.T1_PORTAL}",
            f"{elapsed:.0f} s after an injection that is only estimated, a T1 phase without a name may be "
            "portal venous or transitional: no word of [lexicon] portal, and [time] portal_s ends at "
            f"{rules.time.portal_s[1]:g} s.",
        )
    for role, choice in choices.items():
        if choice.assigned is not None:
            continue
        least = rules.decision.minimum_score[role.value]
        families = supporting_families(choice.evidence)
        lonely = role in DYNAMIC_ROLES and len(families) < rules.decision.families
        if choice.score < least or lonely:
            yield refuse(f"SM-WEAK-{role}", _too_little(role, choice, families, rules))


def _too_little(role: Role, choice: Scored, families: frozenset[str], rules: SeriesRules) -> str:
    """Say how far a choice stays behind what is asked, and which rule asks."""
    series, least = choice.subvolume.series, rules.decision.minimum_score[role.value]
    said = []
    if choice.score < least:
        said.append(f"scores {choice.score:g} points, {least:g} are asked ([decision] minimum_score.{role})")
    if len(families) < rules.decision.families and role in DYNAMIC_ROLES:
        known = " and ".join(sorted(families)) or "nothing"
        said.append(
            f"is supported by {known} alone, {rules.decision.families} families are asked ([decision] families)"
        )
    against = [
        f"{item.weight:g} for {item.value!r} ({item.rule})"
        for item in choice.evidence
        if item.family == "text" and item.weight < 0
    ]
    if against:
        said[-1] += f", and has {' and '.join(against)}"
    number = "without number" if series.series_number is None else series.series_number
    return f"The best {ROLE_WORDS[role]}, series {number} ({series.description}), {' and '.join(said)}."


def _maybe_late(portal: Scored, timing: Timing, rules: SeriesRules) -> bool:
    """Tell whether an unnamed portal phase may lie after its window, the arterial one being late in its own."""
    named = supporting_families(portal.evidence) & {"text", "agent"}
    if timing.measured or portal.assigned is not None or named:
        return False
    error_s = rules.time.arterial_s[1] - rules.time.arterial_delay_s
    return timing.clock.instants_s[portal.subvolume] - timing.injection_s > rules.time.portal_s[1] - error_s


def _anchored(choices: Mapping[Role, Scored]) -> bool:
    """Tell whether an injection estimated from the arterial phase is more than a circle.

    It is where something beside the clock calls that phase arterial, or where the first three phases are of one
    series, from its first stack on, that says it begins before contrast, as `PRE/POST` does, or holds all four.
    Otherwise a study that lacks its arterial phase, or its phase before contrast, looks like one that has it, all
    phases moved by one.
    """
    arterial = choices.get(Role.T1_ARTERIAL)
    if arterial is None:
        return False
    if arterial.assigned is not None:
        return True
    if supporting_families(arterial.evidence) & {"text", "agent"}:
        return True
    phases = [choices[role].subvolume for role in DYNAMIC_ROLES if role in choices]
    same = [item.series.series_instance_uid == arterial.subvolume.series.series_instance_uid for item in phases]
    planned = len(phases) == len(DYNAMIC_ROLES) and all(same[:3]) and _is_first(phases[0])
    # A series that runs up to the hepatobiliary phase is the whole examination, from before contrast on.
    return planned and (same[3] or "before_and_after" in arterial.candidate.around.concepts)


def _is_first(subvolume: SubVolume) -> bool:
    """Tell whether a stack is the first phase of its series."""
    return subvolume.split_value.startswith("1 of ")
