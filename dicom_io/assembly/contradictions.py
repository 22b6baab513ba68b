"""What two chosen series contradict each other in: the pair by name, and both values."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from config.series_rules import SeriesRules
from dicom_io.assembly.assignment import conflict, misplaced
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.coverage import (
    coverage,
    covers,
    days_differ,
    frames_of_reference_differ,
    in_plane_coverage,
    moment_s,
)
from dicom_io.assembly.grids import grid_differences
from dicom_io.assembly.instants import SECONDS_A_DAY
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, refuse
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.subvolumes import SubVolume
from pipeline.study import Role

_CONTRADICTIONS = {
    "SM-FOR": "The T1 phases lie in different frames of reference ([geometry] frame_of_reference).",
    "SM-GEOM": "The T1 phases do not share one grid and coverage.",
    "SM-ORDER": "The phases were not acquired in the order before contrast, arterial, portal, hepatobiliary.",
    "SM-GAP": "The time between the arterial and another phase is outside the limits ([time] "
    "portal_after_arterial_s, hepatobiliary_after_arterial_s, arterial_after_pre_s).",
}

Pair = tuple[Role, Role]

_LEAST_DATED = 3


def contradictions(
    choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules
) -> Iterator[tuple[Pair, str]]:
    """Yield the pairs of phases among `choices` that cannot be taken together, with the code."""
    for one, other in combinations([role for role in DYNAMIC_ROLES if role in choices], 2):
        pair = choices[one], choices[other]
        code = (
            misplaced((one, other), pair, rules) if timing is None else conflict((one, other), pair, timing, rules)
        )
        if code is not None:
            yield (one, other), code


def contradiction(
    code: str, pair: Pair, choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules
) -> str:
    """Return the sentences that say which two phases contradict each other in what."""
    one, other = (choices[role].subvolume for role in pair)
    said = _differences(code, pair, one, other, rules)
    if timing is not None and code in ("SM-ORDER", "SM-GAP"):
        elapsed_s = timing.clock.instants_s[other] - timing.clock.instants_s[one]
        said = [f"{elapsed_s:.0f} s lie between the two"]
    named = " and ".join(f"{ROLE_WORDS[role]} (series {_number(choices[role].subvolume)})" for role in pair)
    named = f"{named[0].upper()}{named[1:]}"
    return f"{_CONTRADICTIONS[code]} {named}: {'; '.join(said)}." if said else _CONTRADICTIONS[code]


def blocked_by(subvolumes: Sequence[SubVolume], anchor: SubVolume, role: Role, rules: SeriesRules) -> Refusal:
    """Return why none of the series that fit T2 or diffusion goes with the hepatobiliary phase `anchor`.

    Parameters
    ----------
    subvolumes
        At least one, best first, none of which `goes_with` the anchor.
    """
    # What comes nearest to being taken is told of.
    near = [item for item in subvolumes if not frames_of_reference_differ(item, anchor, rules)]
    first = next((item for item in near if not days_differ(item, anchor, rules)), (near or list(subvolumes))[0])
    named = f"The {ROLE_WORDS[role]} series {_number(first)}"
    if not near:
        return refuse("SM-FOR", f"{named} lies in another frame of reference than the T1 phases{_FRAME_KEY}.")
    if days_differ(first, anchor, rules):
        hours = abs((moment_s(first) or 0) - (moment_s(anchor) or 0)) * 24 / SECONDS_A_DAY
        said = f"was acquired on another date than the T1 phases, {hours:.0f} hours apart"
        return refuse("SM-GAP", f"{named} {said} ([time] examination_s = {rules.time.examination_s:g}).")
    return refuse(
        "SM-GEOM", f"{named} does not cover the T1 phases: {'; '.join(_uncovered(first, anchor, rules))}."
    )


def dated_apart(subvolumes: Sequence[SubVolume], rules: SeriesRules) -> tuple[SubVolume, Refusal] | None:
    """Return the one possible phase of contrast of another date than all others, and the refusal that names it.

    Parameters
    ----------
    subvolumes
        The possible phases of one study; of fewer than three with a date, nothing tells which is the stranger.
    """
    known = sorted(
        (when, number) for number, item in enumerate(subvolumes) if (when := moment_s(item)) is not None
    )
    if len(known) < _LEAST_DATED or known[-2][0] - known[1][0] > rules.time.examination_s:
        return None
    for (own_s, number), (next_s, near), (last_s, _) in (
        (known[0], known[1], known[-1]),
        (known[-1], known[-2], known[0]),
    ):
        stranger = subvolumes[number]
        together = abs(last_s - next_s) <= rules.time.examination_s
        if together and days_differ(stranger, subvolumes[near], rules):
            series = stranger.series
            shown = f" ({series.description})" if series.description else ""
            hours = abs(own_s - next_s) * 24 / SECONDS_A_DAY
            said = (
                f"Series {_number(stranger)}{shown} was acquired on another date than the other T1 phases, "
                f"{hours:.0f} hours apart ([time] examination_s = {rules.time.examination_s:g})."
            )
            return stranger, refuse("SM-GAP", said)
    return None


def goes_with(subvolume: SubVolume, anchor: SubVolume, rules: SeriesRules) -> bool:
    """Tell whether T2 or diffusion lies where the hepatobiliary phase `anchor` lies, and is of its examination."""
    return (
        not frames_of_reference_differ(subvolume, anchor, rules)
        and not days_differ(subvolume, anchor, rules)
        and covers(subvolume, anchor, rules)
    )


def frameless_objections(choices: Mapping[Role, Scored]) -> Iterator[Refusal]:
    """Yield that the hepatobiliary phase names no frame of reference, without which no segmentation is written."""
    late = choices.get(Role.T1_HEPATOBILIARY)
    if late is not None and not late.subvolume.series.frame_of_reference_uid:
        said = (
            f"The hepatobiliary phase (series {_number(late.subvolume)}) names no frame of reference (0020,0052)."
        )
        yield refuse("SM-FOR", said)


_FRAME_KEY = " ([geometry] frame_of_reference)"


def _differences(code: str, pair: Pair, one: SubVolume, other: SubVolume, rules: SeriesRules) -> list[str]:
    if code == "SM-FOR":
        a, b = (item.series.frame_of_reference_uid or "none" for item in (one, other))
        return [f"(0020,0052) {a} and {b}"]
    if code != "SM-GEOM":
        return []
    if pair[1] is Role.T1_HEPATOBILIARY:
        return _uncovered(one, other, rules)
    return grid_differences(one, other, rules)


def _uncovered(subvolume: SubVolume, reference: SubVolume, rules: SeriesRules) -> list[str]:
    """Return which part of the hepatobiliary phase is covered, where it is too little."""
    parts = (
        (coverage(subvolume, reference), "height", "coverage", rules.geometry.coverage),
        (
            in_plane_coverage(subvolume, reference),
            "field of view",
            "in_plane_coverage",
            rules.geometry.in_plane_coverage,
        ),
    )
    return [
        f"{part:.0%} of the {what} of the hepatobiliary phase ([geometry] {key} = {least:g})"
        for part, what, key, least in parts
        if part < least
    ]


def _number(subvolume: SubVolume) -> str:
    number = subvolume.series.series_number
    return "without number" if number is None else str(number)
