"""Whether the parameters of an acquisition let it fill a role at all."""

from collections.abc import Callable, Iterator, Mapping

from config.matching_limits import PhysicsWindow
from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate
from pipeline.study import Role

_LEAST_KNOWN_PARAMETERS = 2


def t1_physics(candidate: Candidate, rules: SeriesRules) -> float:
    """Return how well the parameters fit a spoiled 3D gradient echo: -1 violated, else the known part, 0 to 1."""
    physics = candidate.subvolume.physics
    words = set(physics.scanning_sequence)
    family = None if not words or words == {"RM"} else "GR" in words and "EP" not in words
    dimension = physics.acquisition_type == "3D" if physics.acquisition_type else None
    return _share((family, dimension, *_parameters(candidate, rules.physics.t1)))


def t2_physics(candidate: Candidate, rules: SeriesRules) -> float:
    """Return how well the parameters fit a fast spin echo; see `t1_physics`."""
    physics = candidate.subvolume.physics
    words = set(physics.scanning_sequence)
    spin_echo = "SE" in words and "EP" not in words and not candidate.around.diffusion_series
    family = None if not words or words == {"RM"} else spin_echo
    flat = physics.acquisition_type == "2D" if physics.acquisition_type else None
    train = physics.echo_train_length > 1 if physics.echo_train_length else None
    return _share((family, flat, train, *_parameters(candidate, rules.physics.t2)))


def dwi_physics(candidate: Candidate, rules: SeriesRules) -> float:
    """Return how well the parameters fit a diffusion image of the wanted b-value; see `t1_physics`."""
    physics = candidate.subvolume.physics
    low, high = rules.diffusion.b_s_per_mm2
    b_value = physics.b_value_s_per_mm2
    weighted = b_value is not None and low <= b_value <= high
    planar = "EP" in physics.scanning_sequence or "DIFFUSION" in physics.image_type or b_value is not None
    return _share((planar, weighted, *_parameters(candidate, rules.physics.dwi)))


PHYSICS: Mapping[Role, Callable[[Candidate, SeriesRules], float]] = {
    Role.T2: t2_physics,
    Role.DWI: dwi_physics,
    **dict.fromkeys(DYNAMIC_ROLES, t1_physics),
}


def gate(candidate: Candidate, role: Role, rules: SeriesRules) -> bool:
    """Tell whether the physics let the sub-volume fill `role` at all."""
    return PHYSICS[role](candidate, rules) > 0


def _parameters(candidate: Candidate, window: PhysicsWindow) -> Iterator[bool | None]:
    physics = candidate.subvolume.physics
    for value, limits in (
        (physics.repetition_time_ms, window.repetition_time_ms),
        (physics.echo_time_ms, window.echo_time_ms),
        (physics.flip_angle_deg, window.flip_angle_deg),
    ):
        if limits is not None:
            yield None if value is None else limits[0] <= value <= limits[1]


def _share(answers: tuple[bool | None, ...]) -> float:
    known = [answer for answer in answers if answer is not None]
    if not all(known):
        return -1.0
    return len(known) / len(answers) if len(known) >= _LEAST_KNOWN_PARAMETERS else 0.0
