"""From candidates to an accepted or refused choice of six sub-volumes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from config.series_rules import SeriesRules
from dicom_io.assembly.assignment import (
    CONSTRAINTS,
    Assignment,
    Scored,
    best_phases,
    coverage,
    frames_of_reference_differ,
    hypotheses,
    score,
)
from dicom_io.assembly.candidates import Sorted
from dicom_io.assembly.clock import PHASES_TO_SEPARATE, Clock, choose_clock, injection_s
from dicom_io.assembly.evidence import DYNAMIC_ROLES, Timing, gate, supporting_families
from dicom_io.assembly.preferences import equivalent, preferred, settle
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, name_roles, refuse
from pipeline.study import Role

Pools = Sequence[tuple[Timing, Mapping[Role, Sequence[Scored]]]]

_PLANNED_PHASES = 3
"""From so many phases on, a series is a dynamic one."""

_STATIC_ROLES = (Role.T2, Role.DWI)


@dataclass(frozen=True)
class Decision:
    """What was chosen, and whether it may be believed.

    Parameters
    ----------
    choices
        By role; roles that nothing fills are absent.
    rivals
        Score of the best other candidate by role.
    ambiguous
        Roles whose choice is too close to a different one.
    refusal
        None where all six are accepted.
    """

    choices: Mapping[Role, Scored]
    rivals: Mapping[Role, float] = field(default_factory=dict)
    ambiguous: frozenset[Role] = frozenset()
    refusal: Refusal | None = None
    clock: Clock | None = None
    timing: Timing | None = None


def decide(study: Sorted, rules: SeriesRules) -> Decision:
    """Choose a sub-volume for each role, or refuse.

    Parameters
    ----------
    study
        Candidates of one study.
    rules
        Weights, windows, margins.
    """
    clock = choose_clock([candidate.subvolume for candidate in study.t1])
    pools = _pools(study, clock, rules)
    phases = best_phases(pools, rules)
    choices = {} if phases is None else settle(phases, rules)
    anchor = choices.get(Role.T1_HEPATOBILIARY) or next(iter(choices.values()), None)
    static, blocked = _static_choices(study, anchor, rules)
    choices.update({role: pool[0] for role, pool in static.items() if pool})
    ambiguous = {
        role for role in choices if _margin(role, choices, static, pools, phases, rules) < rules.decision.margin
    }
    everything = {**static, **(phases.pool if phases is not None else {})}
    refusals = chain(
        _missing(study, choices, pools, clock, blocked, rules),
        _ambiguous(choices, ambiguous),
        _defective(choices),
        _weak(choices, None if phases is None else phases.timing, rules),
    )
    return Decision(
        choices={role: choices[role] for role in Role if role in choices},
        rivals=_runners_up(choices, everything),
        ambiguous=frozenset(ambiguous),
        refusal=next(refusals, None),
        clock=clock,
        timing=phases.timing if phases is not None else None,
    )


def _pools(study: Sorted, clock: Clock | None, rules: SeriesRules) -> Pools:
    if clock is None:
        return []
    agent_used = any(candidate.agent not in ("absent", "none") for candidate in study.t1)
    recorded = injection_s(clock, [candidate.subvolume for candidate in study.t1], rules.time)
    return [
        (
            timing,
            {role: score(study.t1, role, rules, timing=timing, agent_used=agent_used) for role in DYNAMIC_ROLES},
        )
        for timing in hypotheses(clock, recorded, rules)
    ]


def _static_choices(
    study: Sorted, anchor: Scored | None, rules: SeriesRules
) -> tuple[dict[Role, list[Scored]], dict[Role, str]]:
    """Rank T2 and DWI, the preferred one first; and say which constraint took a role's last candidate."""
    pools: dict[Role, list[Scored]] = {}
    blocked: dict[Role, str] = {}
    for role in _STATIC_ROLES:
        pool = [item for item in score(study.live, role, rules) if item.score > 0]
        if anchor is not None:
            near = [
                item for item in pool if not frames_of_reference_differ(item.subvolume, anchor.subvolume, rules)
            ]
            whole = [
                item for item in near if coverage(item.subvolume, anchor.subvolume) >= rules.geometry.coverage
            ]
            if pool and not whole:
                blocked[role] = "SM-GEOM" if near else "SM-FOR"
            pool = whole
        if pool:
            first = preferred(role, pool[0], pool, None, rules)
            pool = [first, *(item for item in pool if item is not first)]
        pools[role] = pool
    return pools, blocked


def _margin(
    role: Role,
    choices: Mapping[Role, Scored],
    static: Mapping[Role, Sequence[Scored]],
    pools: Pools,
    phases: Assignment | None,
    rules: SeriesRules,
) -> float:
    """Return how far the best different choice of `role` lies behind."""
    if role in _STATIC_ROLES:
        rivals = [item.score for item in static[role] if not equivalent(role, choices[role], item, None, rules)]
        return choices[role].score - max(rivals, default=float("-inf"))
    if phases is None:
        return float("inf")
    same = frozenset(
        item.subvolume for item in phases.pool[role] if equivalent(role, choices[role], item, phases.timing, rules)
    )
    rival = best_phases(pools, rules, excluded={role: same | {choices[role].subvolume}})
    return float("inf") if rival is None else phases.total - rival.total


def _missing(
    study: Sorted,
    choices: Mapping[Role, Scored],
    pools: Pools,
    clock: Clock | None,
    blocked: Mapping[Role, str],
    rules: SeriesRules,
) -> Iterator[Refusal]:
    missing = [role for role in Role if role not in choices]
    if not missing:
        return
    for role in missing:
        if any(gate(candidate, role, rules) for candidate in study.unsupported):
            yield refuse("SM-VENDOR", f"The {ROLE_WORDS[role]} is stored as a mosaic, which is not supported.")
    if clock is None and len(study.t1) >= PHASES_TO_SEPARATE:
        yield refuse("SM-NOTIME", f"No time in the headers tells the {len(study.t1)} T1 volumes apart.")
    if missing[0] in blocked:
        reason = "lies in another frame of reference than" if blocked[missing[0]] == "SM-FOR" else "does not cover"
        yield refuse(blocked[missing[0]], f"The {ROLE_WORDS[missing[0]]} series {reason} the T1 phases.")
    if missing[0] in DYNAMIC_ROLES and study.t1:
        yield from _obstructed(missing, pools, rules)
        if missing == [Role.T1_HEPATOBILIARY]:
            minutes = rules.time.hepatobiliary_s[0] / 60
            yield refuse("SM-NOHBP", f"No T1 phase was acquired {minutes:g} minutes or more after the injection.")
    yield refuse(f"SM-MISSING-{missing[0]}", f"No series fits: {name_roles(missing)}.")


def _obstructed(missing: Sequence[Role], pools: Pools, rules: SeriesRules) -> Iterator[Refusal]:
    """Name the one constraint without which every dynamic role would be filled."""
    words = {
        "SM-FOR": "The T1 phases lie in different frames of reference.",
        "SM-GEOM": "The T1 phases do not share one grid and coverage.",
        "SM-ORDER": "The phases were not acquired in the order before contrast, arterial, portal, hepatobiliary.",
        "SM-GAP": "The time between arterial and portal or hepatobiliary phase is outside the limits.",
    }
    for code in CONSTRAINTS:
        found = best_phases(pools, rules, relaxed=frozenset({code}))
        if found is not None and all(role in found.choices for role in missing if role in DYNAMIC_ROLES):
            yield refuse(code, words[code])
            return


def _ambiguous(choices: Mapping[Role, Scored], ambiguous: set[Role]) -> Iterator[Refusal]:
    for role in choices:
        if role in ambiguous and choices[role].candidate.defect is None:
            yield refuse(
                f"SM-AMBIG-{role}", f"Two different series fit the {ROLE_WORDS[role]} almost equally well."
            )


def _defective(choices: Mapping[Role, Scored]) -> Iterator[Refusal]:
    for role, choice in choices.items():
        found = choice.candidate.defect
        if found is not None:
            number = choice.subvolume.series.series_number
            yield refuse(
                found.code, f"The {ROLE_WORDS[role]} (series {number}) cannot be analysed: {found.because}."
            )


def _weak(choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules) -> Iterator[Refusal]:
    circular = timing is not None and not timing.measured and not _anchored(choices)
    if circular and Role.T1_ARTERIAL in choices:
        yield refuse(
            f"SM-WEAK-{Role.T1_ARTERIAL}",
            "No description, agent phase or recorded injection tells which T1 phase is the arterial one.",
        )
    for role, choice in choices.items():
        least = rules.decision.minimum_score[role.value]
        families = supporting_families(choice.evidence)
        lonely = role in DYNAMIC_ROLES and len(families) < rules.decision.families
        if choice.score < least or lonely:
            known = ", ".join(sorted(families)) or "nothing"
            yield refuse(
                f"SM-WEAK-{role}",
                f"The best {ROLE_WORDS[role]} scores {choice.score:g}, {least:g} is asked; supported by {known}.",
            )


def _anchored(choices: Mapping[Role, Scored]) -> bool:
    """Tell whether an injection estimated from the arterial phase is more than a circle.

    It is where something beside the clock calls that phase arterial, or where arterial and portal phase are of
    one series of three or more phases, which a scanner runs as planned. Otherwise a study that lacks its arterial
    phase looks like one that has it, all phases moved by one.
    """
    arterial, portal = choices.get(Role.T1_ARTERIAL), choices.get(Role.T1_PORTAL)
    if arterial is None:
        return False
    if supporting_families(arterial.evidence) & {"text", "agent"}:
        return True
    one, other = arterial.subvolume, portal.subvolume if portal is not None else None
    together = other is not None and one.series.series_instance_uid == other.series.series_instance_uid
    return together and one.siblings >= _PLANNED_PHASES


def _runners_up(choices: Mapping[Role, Scored], pools: Mapping[Role, Sequence[Scored]]) -> dict[Role, float]:
    taken = {choice.subvolume for choice in choices.values()}
    found = {role: [item.score for item in pools.get(role, ()) if item.subvolume not in taken] for role in choices}
    return {role: max(scores) for role, scores in found.items() if scores}
