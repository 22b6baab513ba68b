"""Phases that are no acquisitions of their own: copies that were processed, and projections. Pixels alone tell.

A name that the lexicon does not know and a time of its own make a filtered copy look like a repeat or another
phase.
"""

from collections.abc import Iterator, Mapping
from statistics import median

import numpy as np

from config.matching_limits import PixelRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.fine_detail import Block, likeness, middle, pairs_alike, thickness_beyond
from dicom_io.assembly.frame_pixels import OpenFiles, decode_frames
from dicom_io.assembly.match_result import MatchResult, Passage, RoleMatch
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal
from dicom_io.assembly.stack_checks import stack_objections
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role
from pipeline.volume import Volume

_SAME_PLACE_MM = 0.3

_CERTAIN = 0.95
"""So alike are images of one acquisition only, where anatomy passes for noise or nothing tells what is usual."""

_AS_ACQUIRED = (
    "Send every phase as it was acquired, without what was computed from it, or have the acquired one assigned: "
    "`mvi-node studies assign`."
)
_AGAINST = "The images contradict the headers"

Middles = Mapping[Role, Block]
"""Neighbouring slices from the middle of each phase."""


def middles_of(volumes: Mapping[Role, Volume]) -> Middles:
    """Return the slices that are compared, of phases decoded whole."""
    return {role: volume.array[middle(len(volume.array))] for role, volume in volumes.items()}


def read_middles(match: MatchResult, files: OpenFiles) -> Middles:
    """Return the slices that are compared, from the files.

    Raises
    ------
    UnsuitableStudyError
        One cannot be decoded.
    """
    return {role: _decoded(_middle_of(match.roles[role]), files) for role in Role}


def processed_objections(
    match: MatchResult, volumes: Mapping[Role, Volume], middles: Middles, rules: PixelRules
) -> Iterator[Refusal]:
    """Yield what is computed from one another, from a series not chosen or several slices, or is no proper stack.

    Parameters
    ----------
    match
        Accepted by the headers.
    volumes
        Of the phases, whole or thinned, for where they lie.
    middles
        Of the phases.
    rules
        Limits.
    """
    together = {role: middles[role] for role in DYNAMIC_ROLES if _lie_alike(volumes, role)}
    alike = pairs_alike(together)
    noisy = bool(alike) and median(alike.values()) <= rules.shared_noise_usual
    limit = rules.shared_noise if noisy else max(rules.shared_noise, _CERTAIN)
    for (one, other), value in alike.items():
        if value > limit:
            said = f"{_chosen(match.roles[one])} and {_chosen(match.roles[other])} are images of one acquisition"
            yield Refusal("SM-PIXEL", f"{_AGAINST}: {said} {_measured(value, limit)}.", _AS_ACQUIRED)
    for role, value in thickness_beyond(together).items() if noisy else ():
        if value > rules.slab:
            said = f"{_chosen(match.roles[role])} is a projection or mean over several slices"
            how = f"(its slices have {value:.2f} more in common than those of the other phases; [pixels] slab"
            yield Refusal("SM-PIXEL", f"{_AGAINST}: {said} {how} = {rules.slab:g}).", _AS_ACQUIRED)
    yield from stack_objections(match, volumes, rules, middles if noisy else {})
    yield from _copies(match, middles, limit)


def _copies(match: MatchResult, middles: Middles, limit: float) -> Iterator[Refusal]:
    files = OpenFiles()
    for role in DYNAMIC_ROLES:
        chosen = match.roles[role]
        # Which of the two is the original, a person has said.
        for other in () if chosen.assigned is not None else chosen.others:
            try:
                block = _decoded(other, files)
            except UnsuitableStudyError:
                # It is not analysed, and tells nothing of what is.
                continue
            value = likeness(middles[role], block)
            if value > limit:
                said = f"one of {_chosen(chosen)} and {_named(other)} is computed from the other"
                said = f"{said[0].upper()}{said[1:]} {_measured(value, limit)}; no header says which."
                yield Refusal(f"SM-AMBIG-{role}", said, _AS_ACQUIRED)


def _lie_alike(volumes: Mapping[Role, Volume], role: Role) -> bool:
    """Tell whether a phase lies on the arterial one, pixel by pixel."""
    own, other = volumes[role].grid, volumes[Role.T1_ARTERIAL].grid
    near = np.abs(own.origin_lps_mm - other.origin_lps_mm).max() < _SAME_PLACE_MM
    return own.shape == other.shape and bool(
        near and np.allclose(own.spacing_xyz_mm, other.spacing_xyz_mm, rtol=0.01)
    )


def _middle_of(chosen: RoleMatch) -> Passage:
    several, numbers = len(chosen.instances) > 1, chosen.frame_numbers
    part = middle(len(chosen.instances))
    if not several and numbers is not None:
        numbers = numbers[middle(len(numbers))]
    return Passage(
        role=chosen.role,
        series_number=chosen.series_number,
        series_description=chosen.series_description,
        sub_volume=chosen.sub_volume,
        instances=chosen.instances[part] if several else chosen.instances,
        frame_numbers=None if several else numbers,
    )


def _decoded(passage: Passage, files: OpenFiles) -> Block:
    block = np.stack([frame.values for frame in decode_frames(passage, files)])
    return block[middle(len(block))]


def _measured(value: float, limit: float) -> str:
    return f"(their noise correlates by {value:.2f}, above {limit:.2f}; [pixels] shared_noise)"


def _chosen(match: RoleMatch) -> str:
    return f"{_named(match)}, chosen as the {ROLE_WORDS[match.role]},"


def _named(chosen: RoleMatch | Passage) -> str:
    shown = " ".join(part for part in (chosen.series_description, chosen.sub_volume) if part)
    number = "without number" if chosen.series_number is None else chosen.series_number
    return f"series {number} ({shown})" if shown else f"series {number}"
