"""From candidates to an accepted or refused choice of six sub-volumes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from config.series_rules import SeriesRules
from dicom_io.assembly.alike import unlike_objections
from dicom_io.assembly.assignment import (
    CONSTRAINTS,
    Assignment,
    best_phases,
)
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.candidates import Sorted
from dicom_io.assembly.clock import Clock, choose_clock, injection_s
from dicom_io.assembly.contradictions import blocked_by, dated_apart, frameless_objections, goes_with
from dicom_io.assembly.evidence import CONCEPT_OF
from dicom_io.assembly.hypotheses import Pools, score_phases
from dicom_io.assembly.lexicon import PHASES
from dicom_io.assembly.objections import (
    Rivalry,
    ambiguous_objections,
    assignment_objections,
    contradicting_objections,
    defective_objections,
    misnamed_objections,
    missing_objections,
)
from dicom_io.assembly.overrides import Placed
from dicom_io.assembly.preferences import equivalent, other_image, preferred, settle
from dicom_io.assembly.refusals import Refusal
from dicom_io.assembly.scoring import SCORE_DECIMALS, Scored, agent_used, score_static, weigh
from dicom_io.assembly.weakness import weak_objections
from pipeline.study import Role

_STATIC_ROLES = (Role.T2, Role.DWI)


@dataclass(frozen=True)
class Decision:
    """What was chosen, and whether it may be believed.

    Parameters
    ----------
    choices
        By role; roles that nothing fills are absent.
    rivals
        The best other candidate by role.
    pools
        Every candidate by role, scored under the same hypothesis, best first.
    ambiguous
        Roles whose choice is too close to a different one.
    refusal
        None where all six are accepted.
    impossible
        Why a choice that a person made cannot be followed, where the refusal is about that.
    """

    choices: Mapping[Role, Scored]
    rivals: Mapping[Role, Scored] = field(default_factory=dict)
    pools: Mapping[Role, Sequence[Scored]] = field(default_factory=dict)
    ambiguous: frozenset[Role] = frozenset()
    refusal: Refusal | None = None
    clock: Clock | None = None
    timing: Timing | None = None
    impossible: Refusal | None = None


def decide(study: Sorted, rules: SeriesRules, placed: Placed | None = None) -> Decision:
    """Choose a sub-volume for each role, or refuse.

    Parameters
    ----------
    study
        Candidates of one study.
    rules
        Weights, windows, margins.
    placed
        Choices that a person made; they are kept, and the others chosen around them.
    """
    placed = placed or Placed()
    clock = choose_clock([candidate.subvolume for candidate in study.t1])
    pools = _pools(study, clock, placed, rules)
    # What a person assigned may contradict itself: it is shown as it is, and refused.
    phases = best_phases(pools, rules) or best_phases(pools, rules, relaxed=frozenset(CONSTRAINTS))
    choices = _without_clock(study, placed, rules) if phases is None else settle(phases, rules)
    anchor = choices.get(Role.T1_HEPATOBILIARY) or next(iter(choices.values()), None)
    static, blocked = _static_choices(study, anchor, placed, rules)
    choices.update({role: pool[0] for role, pool in static.items() if pool})
    nearest = {role: _nearest(role, choices, static, pools, phases, rules) for role in choices}
    ambiguous = {role: found for role, found in nearest.items() if found.margin < rules.decision.margin}
    everything = {**static, **(phases.pool if phases is not None else {})}
    timing = None if phases is None else phases.timing
    impossible = next(assignment_objections(placed, choices, blocked, timing, rules), None)
    refusals = chain(
        () if impossible is None else (impossible,),
        missing_objections(study, choices, pools, clock, blocked, rules),
        ambiguous_objections(choices, ambiguous, rules),
        defective_objections(choices),
        unlike_objections(choices),
        frameless_objections(choices),
        contradicting_objections(choices, timing),
        misnamed_objections(study, choices, timing, rules),
        weak_objections(choices, timing, rules),
    )
    return Decision(
        choices={role: choices[role] for role in Role if role in choices},
        rivals=_runners_up(choices, everything),
        pools=everything,
        ambiguous=frozenset(ambiguous),
        refusal=_by_date(next(refusals, None), study, choices, rules),
        clock=clock,
        timing=timing,
        impossible=impossible,
    )


_LACKING = ("SM-MISSING-T1_", "SM-NOHBP", "SM-GAP", "SM-ORDER")
"""What a phase of another date ends in, as if it were not there."""


def _by_date(
    refusal: Refusal | None, study: Sorted, choices: Mapping[Role, Scored], rules: SeriesRules
) -> Refusal | None:
    """Return the refusal that names the one phase of another date, where that is behind `refusal`."""
    if refusal is None or not refusal.code.startswith(_LACKING):
        return refusal
    found = dated_apart([candidate.subvolume for candidate in study.t1], rules)
    if found is None:
        return refusal
    stranger, named = found
    (concepts,) = (item.around.concepts & PHASES for item in study.t1 if item.subvolume is stranger)
    wanted = {CONCEPT_OF[role] for role in DYNAMIC_ROLES if role not in choices}
    taken = any(choice.subvolume is stranger for choice in choices.values())
    return named if taken or not concepts or concepts & wanted else refusal


def _pools(study: Sorted, clock: Clock | None, placed: Placed, rules: SeriesRules) -> Pools:
    if clock is None:
        return []
    recorded = injection_s(clock, [candidate.subvolume for candidate in study.t1], rules.time)
    return score_phases(study.t1, clock, recorded, rules, placed)


def _without_clock(study: Sorted, placed: Placed, rules: SeriesRules) -> dict[Role, Scored]:
    """Return the phases that a person assigned: who names them all needs no clock to tell them apart."""
    used = agent_used(study.t1)
    return {
        role: weigh(candidate, role, rules, agent_used=used, assigned=by)
        for role in DYNAMIC_ROLES
        if role in placed.candidates
        for candidate, by in (placed.candidates[role],)
    }


def _static_choices(
    study: Sorted, anchor: Scored | None, placed: Placed, rules: SeriesRules
) -> tuple[dict[Role, list[Scored]], dict[Role, Refusal]]:
    """Rank T2 and DWI, the preferred one first; and say which constraint took a role's last candidate."""
    pools: dict[Role, list[Scored]] = {}
    blocked: dict[Role, Refusal] = {}
    for role in _STATIC_ROLES:
        pool = score_static(study.live, role, rules, placed)
        held = [item for item in pool if item.assigned is not None]
        pool = held or [item for item in pool if item.score > 0]
        if anchor is not None:
            whole = [item for item in pool if goes_with(item.subvolume, anchor.subvolume, rules)]
            if pool and not whole:
                blocked[role] = blocked_by([item.subvolume for item in pool], anchor.subvolume, role, rules)
            pool = whole
        if pool and not held:
            first = preferred(role, pool[0], pool, None, rules)
            pool = [first, *(item for item in pool if item is not first)]
        pools[role] = pool
    return pools, blocked


def _nearest(
    role: Role,
    choices: Mapping[Role, Scored],
    static: Mapping[Role, Sequence[Scored]],
    pools: Pools,
    phases: Assignment | None,
    rules: SeriesRules,
) -> Rivalry:
    if choices[role].assigned is not None:
        return Rivalry()
    if role in _STATIC_ROLES:
        rivals = [item for item in static[role] if not equivalent(role, choices[role], item, None, rules)]
        nearest = max(rivals, key=lambda item: item.score, default=None)
        return Rivalry() if nearest is None else Rivalry(_apart(choices[role].score, nearest.score), nearest)
    if phases is None:
        return Rivalry()
    twin = other_image(choices[role], phases.pool[role], phases.timing, rules)
    if twin is not None:
        return Rivalry(0.0, twin, one_acquisition=True)
    same = frozenset(
        item.subvolume for item in phases.pool[role] if equivalent(role, choices[role], item, phases.timing, rules)
    )
    rival = best_phases(pools, rules, excluded={role: same | {choices[role].subvolume}})
    return Rivalry() if rival is None else Rivalry(_apart(phases.total, rival.total), rival.choices.get(role))


def _apart(one: float, other: float) -> float:
    return round(one - other, SCORE_DECIMALS)


def _runners_up(choices: Mapping[Role, Scored], pools: Mapping[Role, Sequence[Scored]]) -> dict[Role, Scored]:
    taken = {choice.subvolume for choice in choices.values()}
    found = {role: [item for item in pools.get(role, ()) if item.subvolume not in taken] for role in choices}
    return {role: max(items, key=lambda item: item.score) for role, items in found.items() if items}
