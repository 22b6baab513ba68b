"""Whether a phase lies where the others lie, and the right way round.

Edges do not depend on contrast, so that the phases of one body agree in them; by far most where they lie on one
another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from config.matching_limits import PixelRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.edge_likeness import STEP_MM, EdgeLikeness
from dicom_io.assembly.match_result import MatchResult
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, refuse
from pipeline.study import Role
from pipeline.volume import Volume

_CLEARLY = 0.03
"""By so much another place must fit better in the mean, and no worse by as much for any single phase.

Ten phantoms: phases in their place fit worse elsewhere by 0.13 and more, mirrored from side to side by 0.15."""

_LEAST_LIKENESS = 0.3
"""Of edges that are one body's; noise has less."""

_LEAST_HEIGHT_MM = 96.0
"""Of the stacks together: in a lower one the body looks much the same from above and from below."""

_PAIRS = (DYNAMIC_ROLES[:2], DYNAMIC_ROLES[2:])
"""A phase that is unlike all others is unlike its partner: two comparisons clear four phases."""

_MIRRORINGS = {0: "has its slices in the reverse order", 2: "is mirrored from side to side"}
"""Axes of the lattice (k, j, i) along which a stack may be turned round, and what is wrong with it then."""


@dataclass(frozen=True)
class Misplaced:
    """A phase that fits the others elsewhere.

    Parameters
    ----------
    shift_mm
        Along x, y, z, LPS: by which it would have to be moved; zeros where it is mirrored.
    mirrored
        What is wrong where it is turned round, as the end of a sentence; empty where it is not.
    gain
        By how much its edges correlate better there with those of the others, in the mean.
    """

    role: Role
    gain: float
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mirrored: str = ""

    @property
    def distance_mm(self) -> float:
        """Length of the shift."""
        return float(np.linalg.norm(self.shift_mm))


def misplaced(volumes: Mapping[Role, Volume], displaced_mm: float) -> Misplaced | None:
    """Return the phase that all others agree lies elsewhere or is mirrored, or None.

    Parameters
    ----------
    volumes
        The four T1 roles, whole or thinned, unregistered.
    displaced_mm
        Most by which a breath or a movement may shift a phase.
    """
    phases = {role: volumes[role] for role in DYNAMIC_ROLES}
    compared = EdgeLikeness(phases, phases[Role.T1_HEPATOBILIARY].grid)
    if not compared.enough:
        return None
    for pair in _PAIRS:
        if _elsewhere(compared, pair[0], pair[1:], displaced_mm, least=-_CLEARLY):
            for role in pair:
                others = [other for other in DYNAMIC_ROLES if other is not role]
                if found := _elsewhere(compared, role, others, displaced_mm):
                    return max(found, key=lambda item: item.gain)
    return None


def _elsewhere(
    compared: EdgeLikeness[Role],
    role: Role,
    others: Sequence[Role],
    displaced_mm: float,
    *,
    least: float = _CLEARLY,
) -> list[Misplaced]:
    """Return how `role` would fit all of `others` better than as it lies, by more than `least` in the mean."""
    plain = [compared.likeness(role, other) for other in others]
    far = compared.distances_mm > displaced_mm
    gain = _together([found - found[~far].max() for found in plain])
    gain[~far | (np.min(plain, axis=0) < _LEAST_LIKENESS)] = -1
    best = np.unravel_index(int(gain.argmax()), gain.shape)
    steps = [float(axis[index]) for axis, index in zip(compared.shifts_mm, best, strict=True)]
    found = [Misplaced(role, float(gain[best]), compared.in_patient(steps[::-1]))]
    for axis, wrong in _MIRRORINGS.items():
        if axis == 0 and compared.shape[0] * STEP_MM < _LEAST_HEIGHT_MM:
            continue
        turned = [float(compared.likeness(role, other, axis).max()) for other in others]
        own = [float(values.max()) for values in plain]
        told = min(turned) >= _LEAST_LIKENESS and min(own) > -1
        better = _together([np.array(one - other) for one, other in zip(turned, own, strict=True)])
        found.append(Misplaced(role, float(better) if told else -1, mirrored=wrong))
    return [item for item in found if item.gain > least]


def _together(gains: Sequence[npt.NDArray[np.floating[Any]]]) -> npt.NDArray[np.floating[Any]]:
    """Return the mean of what each phase gains, and no gain where one of them loses clearly."""
    found: npt.NDArray[np.floating[Any]] = np.where(np.min(gains, axis=0) > -_CLEARLY, np.mean(gains, axis=0), -1)
    return found


def placement_objection(match: MatchResult, volumes: Mapping[Role, Volume], rules: PixelRules) -> Refusal | None:
    """Return the refusal that names a phase which lies elsewhere than the others, or is mirrored; None without.

    Parameters
    ----------
    match
        Accepted by the headers.
    volumes
        Of at least the four T1 roles.
    rules
        Limits.
    """
    found = misplaced(volumes, rules.displaced_mm)
    if found is None:
        return None
    number = match.roles[found.role].series_number
    series = "series without number" if number is None else f"series {number}"
    named = f"{series}, chosen as the {ROLE_WORDS[found.role]},"
    if found.mirrored:
        said = f"{named} {found.mirrored}, compared with the other phases"
    else:
        x, y, z = found.shift_mm
        said = (
            f"{named} shows the body {found.distance_mm:.0f} mm from where the other phases show it "
            f"(to lie there, it would be moved by {x:g}, {y:g}, {z:g} mm along x, y, z; "
            f"[pixels] displaced_mm = {rules.displaced_mm:g})"
        )
    return refuse("SM-PIXEL", f"The images contradict the headers: {said}.")
