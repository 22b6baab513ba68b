"""What stands against accepting a choice, in the order in which it is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.series_rules import SeriesRules
from dicom_io.assembly.assignment import CONSTRAINTS, best_phases
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.candidates import Sorted
from dicom_io.assembly.clock import PHASES_TO_SEPARATE, Clock
from dicom_io.assembly.contradictions import contradiction, contradictions
from dicom_io.assembly.evidence import CONCEPT_OF, supporting_families
from dicom_io.assembly.gates import gate
from dicom_io.assembly.hypotheses import Pools
from dicom_io.assembly.lexicon import PHASES
from dicom_io.assembly.overrides import Placed
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, name_roles, refuse
from dicom_io.assembly.scoring import Scored
from pipeline.study import Role


@dataclass(frozen=True)
class Rivalry:
    """The best different choice of a role.

    Parameters
    ----------
    margin
        How far it lies behind, in points; without end where there is none, or a person chose.
    one_acquisition
        Whether the two are images of one acquisition, whatever their points.
    """

    margin: float = float("inf")
    rival: Scored | None = None
    one_acquisition: bool = False


def assignment_objections(
    placed: Placed,
    choices: Mapping[Role, Scored],
    blocked: Mapping[Role, Refusal],
    timing: Timing | None,
    rules: SeriesRules,
) -> Iterator[Refusal]:
    """Yield why choices that a person made cannot be followed: alone, together, or with the other phases."""
    yield from placed.impossible.values()
    held = {role: choice for role, choice in choices.items() if choice.assigned is not None}
    yield from defective_objections(held)
    for role in placed.candidates:
        if role in blocked:
            yield blocked[role]
    for pair, code in contradictions(held, timing, rules):
        said = f"Assigned by hand, and in contradiction: {name_roles(list(pair))}."
        yield refuse(code, f"{said} {contradiction(code, pair, held, timing, rules)}")


def missing_objections(
    study: Sorted,
    choices: Mapping[Role, Scored],
    pools: Pools,
    clock: Clock | None,
    blocked: Mapping[Role, Refusal],
    rules: SeriesRules,
) -> Iterator[Refusal]:
    """Yield why roles are empty: blocked, unsupported, without clock, obstructed, or simply missing."""
    missing = [role for role in Role if role not in choices]
    if not missing:
        return
    for role in missing:
        if any(gate(candidate, role, rules) for candidate in study.unsupported):
            yield refuse("SM-VENDOR", f"The {ROLE_WORDS[role]} is stored as a mosaic, which is not supported.")
    if clock is None and len(study.t1) >= PHASES_TO_SEPARATE:
        yield refuse("SM-NOTIME", f"No time in the headers tells the {len(study.t1)} T1 volumes apart.")
    if missing[0] in blocked:
        yield blocked[missing[0]]
    if missing[0] in DYNAMIC_ROLES and study.t1:
        if missing == [Role.T1_HEPATOBILIARY] and clock is not None and _ends_early(choices, clock, rules):
            yield _none_late(rules)
        yield from _obstructed(missing, pools, rules)
        if missing == [Role.T1_HEPATOBILIARY]:
            yield _none_late(rules)
    named = [role for role in missing if role in DYNAMIC_ROLES and _is_named(role, pools)]
    absent = [role for role in missing if role not in named] or missing
    unplaced = [role for role in named if role not in absent]
    message = f"No series fits: {name_roles(absent)}."
    if unplaced:
        message += f" What is called {name_roles(unplaced)} cannot be placed in time without the other phases."
    found = [role for role in Role if role in choices]
    if found:
        message += f" Found: {name_roles(found)}."
    yield refuse(f"SM-MISSING-{absent[0]}", message)


def _none_late(rules: SeriesRules) -> Refusal:
    minutes = rules.time.hepatobiliary_s[0] / 60
    return refuse(
        "SM-NOHBP",
        f"No usable axial T1 phase was acquired {minutes:g} minutes or more after the injection "
        "([time] hepatobiliary_s).",
    )


def _ends_early(choices: Mapping[Role, Scored], clock: Clock, rules: SeriesRules) -> bool:
    """Tell whether the last T1 phase comes too soon after the arterial one to be hepatobiliary."""
    arterial = choices.get(Role.T1_ARTERIAL)
    if arterial is None:
        return False
    last_s = max(clock.instants_s.values()) - clock.instants_s[arterial.subvolume]
    return last_s < rules.time.hepatobiliary_after_arterial_s


def _is_named(role: Role, pools: Pools) -> bool:
    """Tell whether something is called `role`, whatever the clock says."""
    candidates = (item for _, pool in pools for item in pool[role])
    return any("text" in supporting_families(item.evidence) for item in candidates)


def _obstructed(missing: Sequence[Role], pools: Pools, rules: SeriesRules) -> Iterator[Refusal]:
    """Name the one constraint without which every dynamic role would be filled."""
    for code in CONSTRAINTS:
        found = best_phases(pools, rules, relaxed=frozenset({code}))
        choices = found.choices if found is not None else {}
        if all(_named(role, choices, code) for role in missing if role in DYNAMIC_ROLES):
            pairs = contradictions(choices, found.timing if found is not None else None, rules)
            pair = next(pair for pair, against in pairs if against == code)
            yield refuse(
                code, contradiction(code, pair, choices, found.timing if found is not None else None, rules)
            )
            return


def _named(role: Role, choices: Mapping[Role, Scored], code: str) -> bool:
    """Tell whether `role` is filled; against the clock, only by what is called so: else it is simply missing."""
    if role not in choices:
        return False
    families = supporting_families(choices[role].evidence)
    return code not in ("SM-ORDER", "SM-GAP") or bool(families & {"text", "agent"})


def ambiguous_objections(
    choices: Mapping[Role, Scored], ambiguous: Mapping[Role, Rivalry], rules: SeriesRules
) -> Iterator[Refusal]:
    """Yield the roles whose choice is too close to a different one."""
    for role, choice in choices.items():
        if role in ambiguous and choice.candidate.defect is None:
            rivalry = ambiguous[role]
            two = (
                "Two different series"
                if rivalry.rival is None
                else f"{_named_series(choice)} and {_named_series(rivalry.rival)}"
            )
            two = two[0].upper() + two[1:]
            how = (
                f"are images of one acquisition, and only words tell which is the {ROLE_WORDS[role]}"
                if rivalry.one_acquisition
                else f"fit the {ROLE_WORDS[role]} almost equally well (apart by {rivalry.margin:g} of "
                f"the {rules.decision.margin:g} points that [decision] margin asks for)"
            )
            yield refuse(f"SM-AMBIG-{role}", f"{two} {how}.")


def _named_series(choice: Scored) -> str:
    """Return number, description and part of a series, as a reader finds it in the archive."""
    series = choice.subvolume.series
    shown = " ".join(filter(None, (series.description, choice.subvolume.label)))
    number = "without number" if series.series_number is None else series.series_number
    return f"series {number} ({shown})" if shown else f"series {number}"


def contradicting_objections(choices: Mapping[Role, Scored], timing: Timing | None) -> Iterator[Refusal]:
    """Yield the phases that time calls otherwise than their description does: one of the two is wrong."""
    for role, choice in choices.items():
        said = sum(item.weight for item in choice.evidence if item.family == "text")
        if role in DYNAMIC_ROLES and said < 0 and choice.assigned is None:
            series = choice.subvolume.series
            yield refuse(
                "SM-ORDER",
                f"Series {series.series_number} is called {series.description!r}, but its time"
                f"{_when(choice, timing)} is that of the {ROLE_WORDS[role]}.",
            )


def _when(choice: Scored, timing: Timing | None) -> str:
    if timing is None:
        return ""
    elapsed_s = timing.clock.instants_s[choice.subvolume] - timing.injection_s
    told = "recorded" if timing.measured else "estimated"
    return f", {elapsed_s:+.0f} s from the {told} injection,"


def misnamed_objections(
    study: Sorted, choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules
) -> Iterator[Refusal]:
    """Yield the phases not chosen that are called arterial, but would lie before an injection only estimated.

    The estimate rests on the phase chosen as the arterial one: one of the two names is wrong.
    """
    arterial = choices.get(Role.T1_ARTERIAL)
    if timing is None or timing.measured or arterial is None or arterial.assigned is not None:
        return
    for candidate in study.t1:
        named = candidate.around.concepts & PHASES == {CONCEPT_OF[Role.T1_ARTERIAL]}
        elapsed = timing.clock.instants_s[candidate.subvolume] - timing.injection_s
        if named and candidate.defect is None and -rules.time.portal_s[1] < elapsed < 0:
            one, other = candidate.subvolume.series, arterial.subvolume.series
            yield refuse(
                "SM-ORDER",
                f"Series {one.series_number} ({one.description}) is called arterial and was acquired "
                f"{rules.time.arterial_delay_s - elapsed:.0f} s before series {other.series_number} "
                f"({other.description}), the arterial phase by the other times.",
            )


def defective_objections(choices: Mapping[Role, Scored]) -> Iterator[Refusal]:
    """Yield the choices that must not be analysed."""
    for role, choice in choices.items():
        found = choice.candidate.defect
        if found is not None:
            number = choice.subvolume.series.series_number
            yield refuse(
                found.code, f"The {ROLE_WORDS[role]} (series {number}) cannot be analysed: {found.because}."
            )
