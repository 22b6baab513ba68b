"""Which sub-volumes lie on one grid. Thousands of small series lie on few grids: grids are compared, not pairs."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import median_high

import numpy as np
import numpy.typing as npt

from config.series_rules import SeriesRules
from dicom_io.assembly.stacks import relative_difference
from dicom_io.assembly.subvolumes import SubVolume

Key = tuple[tuple[float, float], float, str | None]
"""Pixel spacing and distance of the slices, mm, and Dixon type."""


def same_grid(one: SubVolume, other: SubVolume, rules: SeriesRules) -> bool:
    """Tell whether two sub-volumes share matrix spacing, slice thickness and Dixon type within the tolerances."""
    a, b = one.frames[0].pixel_spacing_mm, other.frames[0].pixel_spacing_mm
    if a is None or b is None or one.physics.dixon != other.physics.dixon:
        return False
    spacing = max(relative_difference(x, y) for x, y in zip(a, b, strict=True))
    steps = relative_difference(one.spacing.step_mm, other.spacing.step_mm)
    return spacing <= rules.geometry.spacing_tolerance and steps <= rules.geometry.thickness_tolerance


def grid_differences(one: SubVolume, other: SubVolume, rules: SeriesRules) -> list[str]:
    """Return in what two grids differ, both values and the key that decides; empty where they are the same."""
    geometry, (a, b) = rules.geometry, (one.frames[0].pixel_spacing_mm, other.frames[0].pixel_spacing_mm)
    if a is None or b is None:
        return ["pixel spacing (0028,0030), which is not known"]
    found = []
    if max(relative_difference(x, y) for x, y in zip(a, b, strict=True)) > geometry.spacing_tolerance:
        found.append(
            f"pixel spacing, {a[0]:.4g} x {a[1]:.4g} and {b[0]:.4g} x {b[1]:.4g} mm "
            f"([geometry] spacing_tolerance = {geometry.spacing_tolerance:g})"
        )
    steps = one.spacing.step_mm, other.spacing.step_mm
    if relative_difference(*steps) > geometry.thickness_tolerance:
        found.append(
            f"distance of slices, {steps[0]:.4g} and {steps[1]:.4g} mm "
            f"([geometry] thickness_tolerance = {geometry.thickness_tolerance:g})"
        )
    if one.physics.dixon != other.physics.dixon:
        kinds = (str(item.physics.dixon or "none").lower().replace("_", " ") for item in (one, other))
        found.append(f"Dixon type (0008,0008), {' and '.join(kinds)}")
    return found


class Grids:
    """The sub-volumes of a study by the grid that they lie on, as `same_grid` tells.

    Parameters
    ----------
    subvolumes
        The possible phases of contrast.
    rules
        Tolerances.
    """

    def __init__(self, subvolumes: Iterable[SubVolume], rules: SeriesRules) -> None:
        self._slices: dict[Key, list[int]] = defaultdict(list)
        self._members: set[SubVolume] = set()
        for subvolume in subvolumes:
            key = _key(subvolume)
            if key is not None:
                self._slices[key].append(len(subvolume.frames))
                self._members.add(subvolume)
        self._keys = list(self._slices)
        self._sizes = np.array([[*spacing, step] for spacing, step, _ in self._keys]).reshape(-1, 3)
        self._dixon = np.array([str(dixon) for _, _, dixon in self._keys])
        geometry = rules.geometry
        self._tolerances = np.array(
            [geometry.spacing_tolerance, geometry.spacing_tolerance, geometry.thickness_tolerance]
        )
        self._found: dict[Key, tuple[int, int]] = {}

    def siblings(self, subvolume: SubVolume) -> int:
        """Return how many other members share the grid of a sub-volume, member or not."""
        key = _key(subvolume)
        return 0 if key is None else self._shared(key)[0] - (subvolume in self._members)

    def usual_slices(self, subvolume: SubVolume) -> int | None:
        """Return the median number of slices on the grid of a member; None where it is no member."""
        key = _key(subvolume)
        return None if key is None or subvolume not in self._members else self._shared(key)[1]

    def _shared(self, key: Key) -> tuple[int, int]:
        """Return the number of members on the grid `key`, and their median number of slices, 0 without any."""
        if key not in self._found:
            near = [self._slices[self._keys[index]] for index in np.flatnonzero(self._near(key))]
            slices = [number for numbers in near for number in numbers]
            self._found[key] = (len(slices), median_high(slices) if slices else 0)
        return self._found[key]

    def _near(self, key: Key) -> npt.NDArray[np.bool_]:
        own = np.array([*key[0], key[1]])
        larger = np.maximum(np.abs(self._sizes), np.abs(own))
        apart = np.divide(np.abs(self._sizes - own), larger, out=np.zeros_like(larger), where=larger > 0)
        near: npt.NDArray[np.bool_] = (apart <= self._tolerances).all(axis=1) & (self._dixon == str(key[2]))
        return near


def _key(subvolume: SubVolume) -> Key | None:
    spacing = subvolume.frames[0].pixel_spacing_mm
    return None if spacing is None else (spacing, subvolume.spacing.step_mm, subvolume.physics.dixon)
