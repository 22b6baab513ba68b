"""How alike the edges of several stacks of one body are, over every shift: numbers of volumes, no headers."""

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import fft

from dicom_io.assembly.body_sampling import LEAST_POINTS, sample_at
from pipeline.geometry import FloatArray, Grid
from pipeline.volume import Volume

STEP_MM = 8.0
"""Of the lattice; more where the field of view is wider than any patient."""

_WIDEST_MM = 640.0

REACH = 9
"""Steps along an axis that are tried, most."""

_LEAST_OVERLAP = 0.3
"""Of the largest overlap of two stacks; in less of it, chance decides."""

_BRIGHTEST, _SHARPEST = 2.0, 98
"""Cuts: times the 90th percentile of brightness, and percentile of the edges."""

Field = npt.NDArray[np.float32]
Spectra = tuple[npt.NDArray[np.complex64], ...]
Name = TypeVar("Name", bound=Hashable)


class EdgeLikeness(Generic[Name]):
    """Edges of stacks on one lattice, and their correlation over all shifts.

    Parameters
    ----------
    volumes
        By name; whole or thinned, unregistered.
    reference
        Gives the lattice its directions, and its extent but for what is in reach.

    References
    ----------
    .. [1] Padfield, IEEE TIP 21(5), 2012. doi:10.1109/TIP.2011.2181402
    """

    def __init__(self, volumes: Mapping[Name, Volume], reference: Grid) -> None:
        self._direction = reference.direction
        self._step_mm = STEP_MM * max(1.0, float(reference.extent_mm.max()) / _WIDEST_MM)
        low, high = _span([volume.grid for volume in volumes.values()], reference, REACH * self._step_mm)
        points, shape = _lattice(low, high, self._step_mm, reference.direction)
        self._edges = {name: _edges(sample_at(volume, points).reshape(shape)) for name, volume in volumes.items()}
        self.shape = shape
        """Points of the lattice along k, j and i."""
        self._reach = [min(REACH, length // 2) for length in shape]
        self._padded = [
            fft.next_fast_len(length + reach, real=True) for length, reach in zip(shape, self._reach, strict=True)
        ]
        self._spectra: dict[tuple[Name, int | None], Spectra] = {}
        self._likeness: dict[tuple[Name, Name, int | None], Field] = {}

    @property
    def enough(self) -> bool:
        """Whether each stack has edges enough to be compared."""
        return all(known.sum() >= LEAST_POINTS for _, known in self._edges.values())

    def in_patient(self, shift_ijk_mm: Sequence[float]) -> tuple[float, float, float]:
        """Return a shift along the axes of the lattice (i, j, k) as one along x, y and z, LPS mm."""
        x, y, z = (round(float(part)) + 0.0 for part in self._direction @ np.array(shift_ijk_mm))
        return x, y, z

    @cached_property
    def shifts_mm(self) -> list[npt.NDArray[np.float64]]:
        """Shifts along each axis of the lattice (k, j, i), mm."""
        return [np.asarray(self._step_mm * np.arange(-reach, reach + 1), np.float64) for reach in self._reach]

    @cached_property
    def distances_mm(self) -> npt.NDArray[np.float64]:
        """Length of each shift (k, j, i), mm."""
        found: npt.NDArray[np.float64] = np.sqrt(sum(axis**2 for axis in np.ix_(*self.shifts_mm)))
        return found

    def likeness(self, one: Name, other: Name, mirrored: int | None = None) -> Field:
        """Return the correlation of the edges of two stacks by the shift of `one` (k, j, i); -1 of too little.

        Parameters
        ----------
        one, other
            Names.
        mirrored
            Axis of the lattice (k, j, i) along which `one` is turned round first; None: as it lies.
        """
        key = (one, other, mirrored)
        if key not in self._likeness:
            self._likeness[key] = self._correlation(self._spectrum(one, mirrored), self._spectrum(other, None))
        return self._likeness[key]

    def _spectrum(self, name: Name, mirrored: int | None) -> Spectra:
        key = (name, mirrored)
        if key not in self._spectra:
            values, known = (
                field if mirrored is None else np.flip(field, mirrored) for field in self._edges[name]
            )
            self._spectra[key] = tuple(
                np.asarray(fft.rfftn(field, self._padded), np.complex64)
                for field in (known.astype(np.float32), values, values * values)
            )
        return self._spectra[key]

    def _correlation(self, one: Spectra, other: Spectra) -> Field:
        """Return Pearson's correlation over what two fields have in common, at each shift."""
        (known, values, squares), (its_known, its_values, its_squares) = one, other
        count = np.maximum(self._sums(known, its_known), 1)
        sums, its_sums = self._sums(values, its_known), self._sums(known, its_values)
        spread = self._sums(squares, its_known) - sums**2 / count
        its_spread = self._sums(known, its_squares) - its_sums**2 / count
        product = self._sums(values, its_values) - sums * its_sums / count
        found = product / np.sqrt(np.maximum(spread * its_spread, np.finfo(np.float32).tiny))
        return np.where(
            (count >= max(LEAST_POINTS, _LEAST_OVERLAP * count.max())) & (np.abs(found) <= 1),
            found,
            np.float32(-1),
        )

    def _sums(self, one: npt.NDArray[np.complex64], other: npt.NDArray[np.complex64]) -> Field:
        found = fft.irfftn(np.conj(one) * other, self._padded)
        for axis, reach in enumerate(self._reach):
            found = np.take(found, range(-reach, reach + 1), axis)
        return np.asarray(found, np.float32)


def _span(grids: Sequence[Grid], reference: Grid, reach_mm: float) -> tuple[FloatArray, FloatArray]:
    """Return first and last place of `grids` along the axes of `reference`, mm, no farther than in reach of it."""
    own, *others = (_corners(grid) @ reference.direction for grid in (reference, *grids))
    low, high = (np.array(end([end(corners, axis=0) for corners in others], axis=0)) for end in (np.min, np.max))
    return np.maximum(low, own.min(axis=0) - reach_mm), np.minimum(high, own.max(axis=0) + reach_mm)


def _corners(grid: Grid) -> FloatArray:
    """Return the centres of the outermost voxels (8, 3), LPS mm."""
    return grid.to_lps_mm(np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(grid.shape[::-1]) - 1))


def _lattice(
    low: FloatArray, high: FloatArray, step_mm: float, direction: FloatArray
) -> tuple[FloatArray, tuple[int, int, int]]:
    """Return points (n, 3), LPS mm, in rows along `direction`, and how many there are along k, j and i."""
    i, j, k = (np.arange(first, last + step_mm / 2, step_mm) for first, last in zip(low, high, strict=True))
    rows = np.stack(np.meshgrid(k, j, i, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    return rows @ direction.T, (len(k), len(j), len(i))


def _edges(values: npt.NDArray[np.float64]) -> tuple[Field, npt.NDArray[np.bool_]]:
    """Return how steep a field is within its slices, and where that is known."""
    known = np.isfinite(values)
    bright = np.percentile(values[known], 90) if known.any() else 0.0
    cut = np.clip(np.where(known, values, 0) / (bright if bright > 0 else 1.0), 0, _BRIGHTEST)
    steep = np.hypot(np.gradient(cut, axis=1), np.gradient(cut, axis=2)) if min(cut.shape) > 1 else cut * 0
    inside = known.copy()
    for axis in (1, 2):
        inside &= np.roll(known, 1, axis) & np.roll(known, -1, axis)
    if inside.any():
        steep = np.minimum(steep, np.percentile(steep[inside], _SHARPEST))
    return np.where(inside, steep, 0).astype(np.float32), inside
