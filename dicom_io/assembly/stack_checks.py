"""Stacks whose slices do not follow from one another, or share their sources: pixels alone tell."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from config.matching_limits import PixelRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.fine_detail import Block, own_likeness
from dicom_io.assembly.match_result import MatchResult
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal
from pipeline.study import Role
from pipeline.volume import Volume

_COARSE_MM = 6.0
"""Slices are compared in pixels of this size, where noise is averaged away."""

_LEAST_SLICES = 5

_REMEDY = "Send the series again, as it was acquired."
_STACKED = (Role.T2, Role.DWI)

Coarse = npt.NDArray[np.float64]


def stack_objections(
    match: MatchResult, volumes: Mapping[Role, Volume], rules: PixelRules, middles: Mapping[Role, Block]
) -> Iterator[Refusal]:
    """Yield the roles with a slice twice, a slice of something else, nothing but noise, or of thick slabs.

    Parameters
    ----------
    match
        Accepted by the headers.
    volumes
        Whole or thinned, all slices in order; roles without one are not judged.
    rules
        Limits.
    middles
        Neighbouring slices of each role, for thick slabs; roles without are not judged.
    """
    for role, volume in volumes.items():
        said = _wrong_with(role, volume, rules)
        if said:
            yield _refusal(match, role, said)
    usual = [own_likeness(middles[role]) for role in DYNAMIC_ROLES if role in middles]
    for role in _STACKED:
        value = own_likeness(middles[role]) if role in middles and usual else 0.0
        if value > rules.thick_slices and value - median(usual) > rules.slab:
            said = "is a projection or mean over several slices (the noise of its slices correlates by"
            yield _refusal(
                match,
                role,
                f"{said} {value:.2f}; [pixels] thick_slices = {rules.thick_slices:g}, slab = {rules.slab:g})",
            )


def _refusal(match: MatchResult, role: Role, said: str) -> Refusal:
    number = match.roles[role].series_number
    series = "series without number" if number is None else f"series {number}"
    message = f"The images contradict the headers: {series}, chosen as the {ROLE_WORDS[role]}, {said}."
    return Refusal("SM-PIXEL", message, _REMEDY)


def _wrong_with(role: Role, volume: Volume, rules: PixelRules) -> str:
    """Return what is wrong with a stack, as the end of a sentence; empty where nothing is."""
    filled = [number for number, image in enumerate(volume.array) if image.min() != image.max()]
    twice = [pair for pair in pairwise(filled) if np.array_equal(volume.array[pair[0]], volume.array[pair[1]])]
    if twice:
        one, other = twice[0]
        return f"holds one image twice: its slices {one + 1} and {other + 1} are the same pixel for pixel"
    if len(filled) < _LEAST_SLICES:
        return ""
    images = _coarse(volume)[filled]
    near = np.array([_correlation(one, other) for one, other in pairwise(images)])
    if np.median(near) < rules.continuity:
        said = "its slices do not continue one another, as in noise (they correlate by"
        return f"holds no body: {said} {np.median(near):.2f}, [pixels] continuity = {rules.continuity:g})"
    if role not in DYNAMIC_ROLES:
        # In 2D a breath may shift one slice.
        return ""
    across = np.array([_correlation(one, other) for one, other in zip(images, images[2:], strict=False)])
    # Farther apart, and yet more alike than either is to what lies between them.
    beyond = across - np.maximum(near[:-1], near[1:])
    worst = int(beyond.argmax())
    if beyond[worst] <= rules.foreign_slice:
        return ""
    said = f"its slice {filled[worst + 1] + 1} is not of this stack: the slices beside it are more alike by"
    return f"is a mixture: {said} {beyond[worst]:.2f} ([pixels] foreign_slice = {rules.foreign_slice:g})"


def _coarse(volume: Volume) -> Coarse:
    spacing = volume.grid.spacing_xyz_mm
    across, down = (max(1, round(_COARSE_MM / spacing[axis])) for axis in (0, 1))
    mean = uniform_filter(volume.array, size=(1, down, across), mode="nearest")
    return mean[:, ::down, ::across].astype(np.float64)


def _correlation(one: Coarse, other: Coarse) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0
