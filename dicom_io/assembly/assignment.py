"""The best joint choice of the four dynamic phases, under order, intervals, grid and frame of reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.coverage import covers, frames_of_reference_differ
from dicom_io.assembly.grids import same_grid
from dicom_io.assembly.hypotheses import Pools
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role

CONSTRAINTS = ("SM-FOR", "SM-GEOM", "SM-ORDER", "SM-GAP")
"""Codes of the pairwise constraints, in the order in which a violated one is named."""

_GRID_ROLES = frozenset({Role.T1_PRE, Role.T1_ARTERIAL, Role.T1_PORTAL})
_RANK = {role: rank for rank, role in enumerate(DYNAMIC_ROLES)}


@dataclass(frozen=True, eq=False)
class Assignment:
    """A choice for each role that could be filled, with the hypothesis it was scored under."""

    choices: Mapping[Role, Scored]
    total: float
    timing: Timing
    pool: Mapping[Role, Sequence[Scored]]
    """Every candidate of each role under the same hypothesis, best first."""


def best_phases(
    pools: Pools,
    rules: SeriesRules,
    *,
    excluded: Mapping[Role, frozenset[SubVolume]] | None = None,
    relaxed: frozenset[str] = frozenset(),
) -> Assignment | None:
    """Return the assignment of the dynamic roles with the highest total score.

    Parameters
    ----------
    pools
        Scored candidates of each role under each hypothesis of the injection.
    rules
        Intervals and tolerances.
    excluded
        Sub-volumes that a role may not take, to find the rival of a choice.
    relaxed
        Codes of constraints left aside, to find out which one stands in the way.

    Returns
    -------
    Assignment or None
        Roles that no candidate can fill are left out of it. None without any hypothesis, and where candidates that
        a person assigned cannot be taken together.
    """
    best: Assignment | None = None
    for timing, pool in pools:
        # The earliest hypothesis wins a tie: the first arterial phase is the first.
        found = _search(
            timing, pool, rules, excluded or {}, relaxed, floor=float("-inf") if best is None else best.total
        )
        best = found or best
    return best


def conflict(
    roles: tuple[Role, Role], pair: tuple[Scored, Scored], timing: Timing, rules: SeriesRules
) -> str | None:
    """Return the code of the constraint that two choices violate together, or None.

    Parameters
    ----------
    roles
        Two dynamic roles, the earlier phase first.
    pair
        Their choices.
    timing
        The clock in force.
    rules
        Intervals and tolerances.
    """
    one, other = pair[0].subvolume, pair[1].subvolume
    elapsed = timing.clock.instants_s[other] - timing.clock.instants_s[one]
    low, high = _interval_s(roles, rules)
    late = "SM-ORDER" if elapsed <= 0 else None if low <= elapsed <= high else "SM-GAP"
    return misplaced(roles, pair, rules) or late


def misplaced(roles: tuple[Role, Role], pair: tuple[Scored, Scored], rules: SeriesRules) -> str | None:
    """Return the code of the constraint of geometry that two choices violate together, or None; as `conflict`."""
    one, other = pair[0].subvolume, pair[1].subvolume
    if frames_of_reference_differ(one, other, rules):
        return "SM-FOR"
    off_grid = set(roles) <= _GRID_ROLES and not same_grid(one, other, rules)
    short = roles[1] is Role.T1_HEPATOBILIARY and not covers(one, other, rules)
    return "SM-GEOM" if off_grid or short else None


def _interval_s(roles: tuple[Role, Role], rules: SeriesRules) -> tuple[float, float]:
    """Return the least and the longest time between two dynamic phases, s."""
    if roles == (Role.T1_ARTERIAL, Role.T1_PORTAL):
        return rules.time.portal_after_arterial_s
    if roles == (Role.T1_PRE, Role.T1_ARTERIAL):
        return (0.0, rules.time.arterial_after_pre_s)
    least = (
        rules.time.hepatobiliary_after_arterial_s if roles == (Role.T1_ARTERIAL, Role.T1_HEPATOBILIARY) else 0.0
    )
    return (least, float("inf"))


def _search(
    timing: Timing,
    pool: Mapping[Role, Sequence[Scored]],
    rules: SeriesRules,
    excluded: Mapping[Role, frozenset[SubVolume]],
    relaxed: frozenset[str],
    *,
    floor: float,
) -> Assignment | None:
    """Return the best assignment under one hypothesis, or None where its total is not above `floor`."""
    options = {
        role: [item for item in pool[role] if item.assigned is not None]
        or [item for item in pool[role] if item.score > 0 and item.subvolume not in excluded.get(role, ())]
        for role in DYNAMIC_ROLES
    }
    held = {role for role in DYNAMIC_ROLES if any(item.assigned is not None for item in options[role])}
    # No choice is whole before the last role that a person assigned is in it.
    last_held = max((rank for rank, role in enumerate(DYNAMIC_ROLES, start=1) if role in held), default=0)
    # What the roles from a rank on can add at best: a branch that cannot reach the best total is cut.
    promise = [sum(max((item.score for item in options[role]), default=0.0) for role in DYNAMIC_ROLES[rank:])
               for rank in range(len(DYNAMIC_ROLES) + 1)]  # fmt: skip
    best: dict[Role, Scored] | None = None
    best_total = floor

    def descend(rank: int, chosen: dict[Role, Scored], total: float) -> None:
        nonlocal best, best_total
        if rank >= last_held and total > best_total:
            best, best_total = dict(chosen), total
        if rank == len(DYNAMIC_ROLES) or total + promise[rank] <= best_total:
            return
        role = DYNAMIC_ROLES[rank]
        for item in options[role]:
            if _fits(role, item, chosen, timing, rules, relaxed):
                descend(rank + 1, {**chosen, role: item}, total + item.score)
        if role not in held:
            descend(rank + 1, chosen, total)

    descend(0, {}, 0.0)
    return None if best is None else Assignment(best, best_total, timing, pool)


def _fits(
    role: Role,
    item: Scored,
    chosen: Mapping[Role, Scored],
    timing: Timing,
    rules: SeriesRules,
    relaxed: frozenset[str],
) -> bool:
    for other, choice in chosen.items():
        if choice.subvolume is item.subvolume:
            return False
        found = conflict((other, role), (choice, item), timing, rules)
        if found is not None and found not in relaxed:
            return False
    return True
