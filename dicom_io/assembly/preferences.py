"""Which of several equally right sub-volumes is taken: repeats, several arterial phases, several b-values."""

import re
from collections.abc import Mapping, Sequence

from config.series_rules import SeriesRules
from dicom_io.assembly.assignment import Assignment, conflict
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.evidence import supporting_families
from dicom_io.assembly.grids import same_grid
from dicom_io.assembly.orders import ORDERS, Order, elapsed_s, within
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role

LEAST_APART_S = 2.0
"""No stack of a liver is acquired faster, whatever the sequence: nearer ones are of one acquisition."""

BREATH_HOLD_S = 5.0
"""What is called otherwise and begins sooner than this after it is another image of the same acquisition."""

_SAME_ECHO_MS = 0.5
"""Echo times nearer than this are equal; those of in- and opposed-phase images are not."""

_NUMBERS = re.compile(r"[\d., =]+")


def equivalent(role: Role, one: Scored, other: Scored, timing: Timing | None, rules: SeriesRules) -> bool:
    """Tell whether two candidates are declared equally right for `role`, so that a preference may decide.

    T2 and diffusion: repeats (same description, same grid) and other b-values. Phases, within their window:
    repeats, arterial phases of one grid, phases of one grid before contrast, portal phases of one series, and
    hepatobiliary phases. Never two of one acquisition, as those of Dixon or a corrected copy.
    """
    if one.subvolume is other.subvolume:
        return True
    if role in DYNAMIC_ROLES:
        return timing is not None and _equivalent_phases(role, one, other, timing, rules)
    if role is Role.DWI and one.subvolume.physics.b_value_s_per_mm2 != other.subvolume.physics.b_value_s_per_mm2:
        return True
    return _repeats(one, other, rules)


def preferred(
    role: Role,
    choice: Scored,
    pool: Sequence[Scored],
    timing: Timing | None,
    rules: SeriesRules,
    like: Scored | None = None,
) -> Scored:
    """Return the preferred one of the candidates equivalent to `choice` and not clearly worse than it.

    Parameters
    ----------
    role
        What it is for.
    choice
        The one with the highest score.
    pool
        All candidates.
    timing
        The clock in force; None for T2 and diffusion.
    rules
        Targets.
    like
        A phase made alike, in fat suppression and echo time, goes before others; None: like `choice`.
    """
    margin = rules.decision.margin
    rivals = [
        item
        for item in pool
        if item.score > choice.score - margin and equivalent(role, choice, item, timing, rules)
    ]
    complete = [item for item in rivals if item.candidate.defect is None]
    order, model = ORDERS[role], like or choice

    def rank(item: Scored) -> Order:
        return (
            role in DYNAMIC_ROLES and not _made_alike(item, model),
            _cut_short(item, complete, rules),
            *order(item, timing, rules),
        )

    return min(complete or [choice], key=rank)


def other_image(choice: Scored, pool: Sequence[Scored], timing: Timing, rules: SeriesRules) -> Scored | None:
    """Return another image of the acquisition of a phase, which its name alone tells from it; None without any.

    A subtraction or reformat that is stored as an original has grid, time and parameters of its source. Which of
    two such images is the source is not for a word to say.
    """
    whole = (item for item in pool if item.candidate.defect is None)
    return next((item for item in whole if _one_acquisition(choice, item, timing, rules)), None)


def settle(assignment: Assignment, rules: SeriesRules) -> dict[Role, Scored]:
    """Apply the preferences to an assignment, keeping every constraint.

    What a person assigned stays. A single phase whose only support is an injection estimated from itself is left
    out: it could be any phase.
    """
    choices = dict(assignment.choices)
    timing = assignment.timing
    if len(choices) == 1 and not timing.measured:
        return {
            role: item
            for role, item in choices.items()
            if item.assigned is not None or supporting_families(item.evidence) & {"text", "agent"}
        }
    for role in (Role.T1_ARTERIAL, Role.T1_PORTAL, Role.T1_PRE, Role.T1_HEPATOBILIARY):
        if role in choices and choices[role].assigned is None:
            free = [item for item in assignment.pool[role] if _compatible(role, item, choices, timing, rules)]
            like = choices.get(Role.T1_ARTERIAL)
            choices[role] = preferred(role, choices[role], free, timing, rules, like)
    return choices


def _compatible(
    role: Role, item: Scored, choices: Mapping[Role, Scored], timing: Timing, rules: SeriesRules
) -> bool:
    rank = DYNAMIC_ROLES.index
    for other, choice in choices.items():
        if other is role:
            continue
        if choice.subvolume is item.subvolume:
            return False
        ordered = ((other, choice), (role, item)) if rank(other) < rank(role) else ((role, item), (other, choice))
        (first, one), (second, two) = ordered
        if conflict((first, second), (one, two), timing, rules) is not None:
            return False
    return True


def _equivalent_phases(role: Role, one: Scored, other: Scored, timing: Timing, rules: SeriesRules) -> bool:
    # Sites call all their phases the same, so that outside its window even a repeat is another phase.
    if not (within(role, one, timing, rules) and within(role, other, timing, rules)):
        return False
    # Two images of one acquisition are no repeat: one may show fat, and no order of time tells which.
    if _at_once(one, other, timing):
        return False
    if role is Role.T1_PORTAL:
        same_series = one.subvolume.series.series_instance_uid == other.subvolume.series.series_instance_uid
        return same_series or _repeats(one, other, rules)
    return role is Role.T1_HEPATOBILIARY or same_grid(one.subvolume, other.subvolume, rules)


def _at_once(one: Scored, other: Scored, timing: Timing) -> bool:
    """Tell whether two stacks begin too near to each other to be two acquisitions."""
    least_s = LEAST_APART_S if called_alike(one.subvolume, other.subvolume) else BREATH_HOLD_S
    return abs(elapsed_s(one, timing) - elapsed_s(other, timing)) < least_s


def _one_acquisition(one: Scored, other: Scored, timing: Timing, rules: SeriesRules) -> bool:
    a, b = one.subvolume, other.subvolume
    phases_of_one_series = a.series.series_instance_uid == b.series.series_instance_uid and (
        a.physics.image_type == b.physics.image_type
    )
    if a is b or phases_of_one_series or not _at_once(one, other, timing):
        return False
    return _made_alike(one, other) and same_grid(a, b, rules)


def _repeats(one: Scored, other: Scored, rules: SeriesRules) -> bool:
    a, b = one.subvolume, other.subvolume
    same_text = bool(a.series.search_text) and a.series.search_text == b.series.search_text
    same_kind = a.physics.b_value_s_per_mm2 == b.physics.b_value_s_per_mm2
    apart = a.series.series_instance_uid != b.series.series_instance_uid
    return apart and same_text and same_kind and same_grid(a, b, rules)


def called_alike(one: SubVolume, other: SubVolume) -> bool:
    """Tell whether two descriptions differ in nothing but numbers, as those of a time-resolved sequence do."""
    a, b = (_NUMBERS.sub("", item.series.search_text) for item in (one, other))
    return a == b


def _made_alike(one: Scored, other: Scored) -> bool:
    a, b = (_suppressed(item) for item in (one, other))
    times = [item.subvolume.physics.echo_time_ms for item in (one, other)]
    echo = None in times or abs((times[0] or 0) - (times[1] or 0)) < _SAME_ECHO_MS
    return a == b and echo


def _suppressed(item: Scored) -> bool:
    around = item.candidate.around
    flagged = bool(item.subvolume.physics.fat_suppressed) or "fat_suppressed" in around.concepts
    return flagged or around.dixon == "WATER"


def _cut_short(item: Scored, others: Sequence[Scored], rules: SeriesRules) -> bool:
    """Tell whether another one on the same grid has more slices: what was ended early is not preferred."""
    own = item.subvolume
    return any(
        len(other.subvolume.frames) > len(own.frames) and same_grid(own, other.subvolume, rules)
        for other in others
    )
