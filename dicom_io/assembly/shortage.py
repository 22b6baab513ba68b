"""Why a role stays empty although the study holds something like it: what was set aside, and for what."""

from collections.abc import Iterator, Sequence

from config.matching_limits import PhysicsWindow
from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate
from dicom_io.assembly.candidates import Sorted
from dicom_io.assembly.evidence import CONCEPT_OF
from dicom_io.assembly.gates import gate
from dicom_io.assembly.overrides import unfit
from dicom_io.assembly.refusals import ROLE_WORDS
from pipeline.study import Role

NO_B_VALUE = "Send it with all its elements, the private ones too, or with its b-value in its description (b800)."
"""What helps where the diffusion weighting is not known."""
_WINDOWS = {Role.T2: "t2", Role.DWI: "dwi"}
"""Name of the window of each role in the rules; the phases share one."""


def near_misses(study: Sorted, missing: Sequence[Role], rules: SeriesRules) -> list[str]:
    """Return a sentence for each series that a missing role might have held, and why it was not taken.

    Parameters
    ----------
    study
        The sub-volumes of one study.
    missing
        Roles that nothing fills.
    rules
        Limits.
    """
    found = [
        f"Not taken for the {ROLE_WORDS[role]}: series {_number(candidate)}{_shown(candidate)}: {because}."
        for role in missing
        for candidate, because in _like(study, role, rules)
    ]
    return list(dict.fromkeys(found))


def lacks_b_values(study: Sorted) -> bool:
    """Tell whether diffusion images are there, and nothing says how strongly they are weighted."""
    planar = [item for item in study.live if _is_planar(item)]
    return bool(planar) and not any(item.subvolume.physics.b_value_s_per_mm2 for item in planar)


def _like(study: Sorted, role: Role, rules: SeriesRules) -> Iterator[tuple[Candidate, str]]:
    # What is called so comes first: few are told of, and a localizer may have the parameters of T2.
    aside = sorted(study.set_aside, key=lambda item: CONCEPT_OF[role] not in item[0].around.concepts)
    for candidate, verdict in aside:
        # Every derived T1 image has the parameters of all four phases: its name must be that of the missing one.
        named = role not in DYNAMIC_ROLES or CONCEPT_OF[role] in candidate.around.concepts
        if named and gate(candidate, role, rules):
            yield candidate, f"it is {verdict.because}" if verdict.because.startswith("a ") else verdict.because
    for candidate in study.live:
        if CONCEPT_OF[role] in candidate.around.concepts and not gate(candidate, role, rules):
            yield from ((candidate, outside) for outside in _outside(candidate, role, rules))
    if role is Role.DWI:
        for candidate in study.live:
            objection = unfit(candidate, role, rules) if _is_planar(candidate) else None
            if objection is not None:
                yield candidate, objection.because


def _outside(candidate: Candidate, role: Role, rules: SeriesRules) -> Iterator[str]:
    """Yield which acquisition parameters are outside the window of a role, with value, limits and key."""
    physics, section = candidate.subvolume.physics, _WINDOWS.get(role, "t1")
    window: PhysicsWindow = getattr(rules.physics, section)
    for words, value, limits, key in (
        ("repetition time", physics.repetition_time_ms, window.repetition_time_ms, "repetition_time_ms"),
        ("echo time", physics.echo_time_ms, window.echo_time_ms, "echo_time_ms"),
        ("flip angle", physics.flip_angle_deg, window.flip_angle_deg, "flip_angle_deg"),
    ):
        if value is not None and limits is not None and not limits[0] <= value <= limits[1]:
            unit = "degrees" if key == "flip_angle_deg" else "ms"
            yield (
                f"its {words}, {value:g} {unit}, is not between {limits[0]:g} and {limits[1]:g} "
                f"(physics.{section}.{key})"
            )


def _is_planar(candidate: Candidate) -> bool:
    physics = candidate.subvolume.physics
    return "EP" in physics.scanning_sequence or physics.b_value_s_per_mm2 is not None


def _number(candidate: Candidate) -> str:
    number = candidate.subvolume.series.series_number
    return "without number" if number is None else str(number)


def _shown(candidate: Candidate) -> str:
    description = candidate.subvolume.series.description
    return f" ({description})" if description else ""
