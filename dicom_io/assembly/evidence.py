"""Reasons for and against a role, each with its family and weight."""

from collections.abc import Iterator, Mapping

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate
from dicom_io.assembly.facts import Physics
from dicom_io.assembly.gates import PHYSICS
from dicom_io.assembly.lexicon import NOT, PHASES
from dicom_io.assembly.match_result import Evidence
from pipeline.study import Role

INDEPENDENT_FAMILIES = frozenset({"physics", "text", "time", "agent", "pixels"})
"""Families that can support a dynamic role; geometry and defects speak of quality, not of the phase."""

_LEAST_SUPPORT = 1.0
"""Sum of weights from which a family counts as support, log-odds."""

CONCEPT_OF = {
    Role.T2: "t2",
    Role.DWI: "diffusion",
    Role.T1_PRE: "pre",
    Role.T1_ARTERIAL: "arterial",
    Role.T1_PORTAL: "portal",
    Role.T1_HEPATOBILIARY: "hepatobiliary",
}
"""The concept of the lexicon that names a role."""

_RIVALS: Mapping[Role, frozenset[str]] = {
    Role.T2: frozenset({"t1", "diffusion"}),
    Role.DWI: frozenset({"t1"}),
    **dict.fromkeys(DYNAMIC_ROLES, PHASES | {"t2", "diffusion"}),
}
"""Concepts that contradict a role, its own left aside."""

_AGENT_PHASES: Mapping[Role, frozenset[str]] = {
    Role.T1_PRE: frozenset({"PRE_CONTRAST"}),
    Role.T1_ARTERIAL: frozenset({"ARTERIAL", "IMMEDIATE", "DYNAMIC"}),
    Role.T1_PORTAL: frozenset({"PORTAL_VENOUS", "VENOUS", "DYNAMIC"}),
    Role.T1_HEPATOBILIARY: frozenset({"DELAYED", "STEADY_STATE"}),
}

_UNDECIDED_AGENT_PHASES = frozenset({"", "POST_CONTRAST", "DYNAMIC"})


def evidence(
    candidate: Candidate, role: Role, rules: SeriesRules, *, agent_used: bool = False
) -> tuple[Evidence, ...]:
    """Return every reason for or against `role` but that of time, without those of weight zero.

    Parameters
    ----------
    candidate
        A sub-volume that passed `gate`.
    role
        The role in question.
    rules
        Weights and windows.
    agent_used
        Whether any T1 sub-volume of the study names an agent: where none does, its absence says nothing.
    """
    found = [*_physics(candidate, role, rules), *_text(candidate, role, rules), *_quality(candidate, role, rules)]
    if role is Role.DWI:
        found += _diffusion(candidate, rules)
    if role in DYNAMIC_ROLES:
        found += _agent(candidate, role, rules, agent_used)
    return tuple(item for item in found if item.weight)


def supporting_families(items: tuple[Evidence, ...]) -> frozenset[str]:
    """Return the independent families that clearly speak for a role; a named agent alone tells no phase."""
    totals: dict[str, float] = {}
    for item in items:
        totals[item.family] = totals.get(item.family, 0.0) + item.weight
    return frozenset(family for family, total in totals.items() if total >= _LEAST_SUPPORT) & INDEPENDENT_FAMILIES


def _physics(candidate: Candidate, role: Role, rules: SeriesRules) -> Iterator[Evidence]:
    physics = candidate.subvolume.physics
    share = PHYSICS[role](candidate, rules)
    yield Evidence(
        "physics", "(0018,0020)", parameters(physics), round(share * rules.weights.physics, 2), "weights.physics"
    )
    fat = rules.weights.fat_suppressed.get(role.value, 0.0)
    if fat and candidate.around.dixon == "WATER":
        yield Evidence("physics", "(0008,0008)", "Dixon water", fat, f"weights.fat_suppressed.{role}")
    elif fat and (physics.fat_suppressed or "fat_suppressed" in candidate.around.concepts):
        yield Evidence("physics", "(0018,0022)", "fat suppressed", fat, f"weights.fat_suppressed.{role}")
    if role is Role.T2 and "single_shot" in candidate.around.concepts:
        yield Evidence("physics", "(0008,103E)", "single shot", rules.weights.single_shot, "weights.single_shot")


def parameters(physics: Physics) -> str:
    """Return sequence, dimension and times in the usual short form."""
    sequence = "/".join(physics.scanning_sequence) or physics.pulse_sequence
    times = f"TR {_shown(physics.repetition_time_ms)} TE {_shown(physics.echo_time_ms)} ms"
    return " ".join(part for part in (sequence, physics.acquisition_type, times) if part)


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"


def _text(candidate: Candidate, role: Role, rules: SeriesRules) -> Iterator[Evidence]:
    concepts, wanted = candidate.around.concepts, CONCEPT_OF[role]
    speaks_for, contradicts = rules.weights.text[role.value]
    series = candidate.subvolume.series
    # A series without description may have a protocol or sequence name that speaks.
    description = series.description or series.search_text
    others = concepts & _RIVALS[role] - {wanted}
    # In a series of several phases, `+C` names those after the first.
    if role is Role.T1_PRE and "post" in concepts and candidate.subvolume.siblings == 1:
        others |= {"post"}
    if f"{NOT}{wanted}" in concepts:
        yield Evidence("text", "(0008,103E)", description, contradicts, f"weights.text.{role}, lexicon.{wanted}")
    elif wanted in concepts and not others:
        yield Evidence("text", "(0008,103E)", description, speaks_for, f"weights.text.{role}, lexicon.{wanted}")
    elif others and wanted not in concepts:
        said = " ".join(f"lexicon.{concept}" for concept in sorted(others))
        yield Evidence("text", "(0008,103E)", description, contradicts, f"weights.text.{role}, {said}")


def _quality(candidate: Candidate, role: Role, rules: SeriesRules) -> Iterator[Evidence]:
    weights, thickness = rules.weights, candidate.subvolume.physics.slice_thickness_mm
    low, high = rules.geometry.slice_thickness_mm
    if thickness is not None and low <= thickness <= high:
        yield Evidence("geometry", "(0018,0050)", f"{thickness:g} mm", weights.thickness, "weights.thickness")
    if role in DYNAMIC_ROLES and candidate.grid_siblings:
        rule = "geometry_hepatobiliary" if role is Role.T1_HEPATOBILIARY else "geometry"
        shown = f"grid shared with {candidate.grid_siblings} others"
        yield Evidence("geometry", "(0028,0030)", shown, getattr(weights, rule), f"weights.{rule}")
    elif role is Role.T1_HEPATOBILIARY:
        yield Evidence("geometry", "(0028,0030)", "a grid of its own", weights.other_grid, "weights.other_grid")
    if candidate.defect is not None:
        yield Evidence("defect", candidate.defect.code, candidate.defect.because, weights.defect, "weights.defect")


def _diffusion(candidate: Candidate, rules: SeriesRules) -> Iterator[Evidence]:
    physics = candidate.subvolume.physics
    b_value = _shown(physics.b_value_s_per_mm2)
    yield Evidence("diffusion", "(0018,9087)", b_value, rules.weights.diffusion_b, "weights.diffusion_b")
    if physics.directionality != "DIRECTIONAL" and candidate.subvolume.siblings == 1:
        said, weight = physics.directionality or "one image", rules.weights.diffusion_trace
        yield Evidence("diffusion", "(0018,9075)", said, weight, "weights.diffusion_trace")


def _agent(candidate: Candidate, role: Role, rules: SeriesRules, agent_used: bool) -> Iterator[Evidence]:
    phase = candidate.subvolume.physics.agent_phase
    present, absent = rules.weights.agent_name[role.value]
    consistent, contradicting = rules.weights.agent_phase[role.value]
    if phase in _AGENT_PHASES[role]:
        yield Evidence("agent", "(0018,9344)", phase, consistent, f"weights.agent_phase.{role}")
    elif phase not in _UNDECIDED_AGENT_PHASES or (role is Role.T1_PRE and phase):
        yield Evidence("agent", "(0018,9344)", phase, contradicting, f"weights.agent_phase.{role}")
    if agent_used:
        named = candidate.agent not in ("absent", "none")
        weight = present if named else absent
        yield Evidence("agent", "(0018,0010)", candidate.agent, weight, f"weights.agent_name.{role}")
