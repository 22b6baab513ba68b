"""Mutual information of two volumes under a transform, on fixed points: the same ruler before and after."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.deformation import Deformation
from pipeline.errors import QualityGateError
from pipeline.geometry import FloatArray
from pipeline.volume import Volume

SAMPLES: Final = 40_000
BINS: Final = 32
BODY_SHARE_OF_BRIGHT: Final = 0.1
"""Smoothed intensity above which a voxel is body, as a share of the 98th percentile; air is below it."""
BRIGHTNESS_LIMITS: Final = (1, 99.5)
"""Percentiles between which intensities are binned."""
LIMITS_FROM_EVERY: Final = 7
"""Percentiles are taken over every seventh voxel: odd, so that no column of an image is left out."""
DISPLACEMENT_MM: Final = 4.0
"""About the pixel of a diffusion series: vessels and edges that two sequences share do not meet any more."""
MINIMUM_OVERLAP: Final = 0.25
"""Share of the sampled points that must lie inside the moving volume, where no model states one."""

Mask = npt.NDArray[np.bool_]


def body_mask(volume: Volume) -> Mask:
    """Separate the body from the air around it, (k, j, i); air tells nothing about alignment."""
    smooth = ndimage.gaussian_filter(volume.array, sigma=(0, 2, 2))
    mask: Mask = smooth > BODY_SHARE_OF_BRIGHT * np.percentile(smooth.ravel()[::LIMITS_FROM_EVERY], 98)
    return mask


class FixedPoints:
    """Where the metric is measured: voxels of the body in the fixed volume, drawn once for all moving ones.

    Parameters
    ----------
    fixed
        Its body is sampled at `SAMPLES` voxels.
    seed
        Of the draw.

    Raises
    ------
    QualityGateError
        ``REG-CONSTANT``: it has a single value.
    """

    def __init__(self, fixed: Volume, *, seed: int) -> None:
        _require_contrast("The hepatobiliary phase", fixed)
        inside = np.flatnonzero(body_mask(fixed))
        rng = np.random.default_rng(seed)
        chosen = np.unravel_index(rng.choice(inside, min(SAMPLES, inside.size), replace=False), fixed.grid.shape)
        self.lps_mm: FloatArray = fixed.grid.to_lps_mm(np.stack(chosen[::-1], axis=-1))
        """(n, 3)."""
        self.levels = _levels(fixed.array[chosen], _limits(fixed))
        """(n,): brightness, 0 to `BINS` - 1."""


class Similarity:
    """Negated mutual information between a fixed volume and a moving one, natural logarithm.

    Parameters
    ----------
    points
        Of the fixed volume.
    moving
        Interpolated linearly at those points.
    name
        Of `moving`, for messages.
    minimum_overlap
        Share of the points that must lie inside `moving` for the metric to mean anything.

    Raises
    ------
    QualityGateError
        ``REG-CONSTANT``: `moving` has a single value.

    References
    ----------
    .. [1] Wells et al., Medical Image Analysis 1(1), 1996. doi:10.1016/S1361-8415(01)80004-9
    """

    def __init__(
        self,
        points: FixedPoints,
        moving: Volume,
        *,
        name: str = "A sequence",
        minimum_overlap: float = MINIMUM_OVERLAP,
    ) -> None:
        _require_contrast(name, moving)
        self._minimum_overlap = minimum_overlap
        self._points, self._fixed_levels = points.lps_mm, points.levels
        self._moving = moving
        self._limits = _limits(moving)

    def __call__(self, transform_lps_mm: FloatArray, deformation: Deformation | None = None) -> float:
        """Evaluate a 4 x 4 matrix from fixed to moving points, after a deformation; 0 where too few overlap."""
        index, inside = self._locate(transform_lps_mm, deformation)
        if inside.mean() < self._minimum_overlap:
            return 0.0
        values = ndimage.map_coordinates(self._moving.array, index[inside].T[::-1], order=1, mode="nearest")
        return -_mutual_information(self._fixed_levels[inside], _levels(values, self._limits))

    def mirrored(self, transform_lps_mm: FloatArray) -> float:
        """Evaluate a matrix as if the moving patient were mirrored left-right, front-back or head-foot.

        Returns
        -------
        float
            Of the mirrored patient that fits best. The mirror stands in the middle of the sampled body.
        """
        middle = (self._points.min(axis=0) + self._points.max(axis=0)) / 2
        return min(self(transform_lps_mm @ _mirror(axis, middle)) for axis in range(3))

    def displaced(self, transform_lps_mm: FloatArray) -> float:
        """Evaluate a matrix as if the patient had moved by `DISPLACEMENT_MM` in plane: the mean of four ways."""
        moved = []
        for axis in range(2):
            for shift_mm in (-DISPLACEMENT_MM, DISPLACEMENT_MM):
                elsewhere = transform_lps_mm.copy()
                elsewhere[axis, 3] += shift_mm
                moved.append(self(elsewhere))
        return float(np.mean(moved))

    def overlap(self, transform_lps_mm: FloatArray) -> float:
        """Return the share of the sampled points that lie inside the moving volume."""
        return float(self._locate(transform_lps_mm)[1].mean())

    def _locate(
        self, transform_lps_mm: FloatArray, deformation: Deformation | None = None
    ) -> tuple[FloatArray, Mask]:
        start = self._points if deformation is None else deformation.moved(self._points)
        points = start @ transform_lps_mm[:3, :3].T + transform_lps_mm[:3, 3]
        index = self._moving.grid.to_index_ijk(points)
        last = np.array(self._moving.grid.shape[::-1]) - 1
        inside: Mask = np.all((index >= 0) & (index <= last), axis=1)
        return index, inside


def _mirror(axis: int, middle_lps_mm: FloatArray) -> FloatArray:
    mirror = np.eye(4)
    mirror[axis, axis] = -1.0
    mirror[axis, 3] = 2 * middle_lps_mm[axis]
    return mirror


def _require_contrast(what: str, volume: Volume) -> None:
    if not np.ptp(volume.array) > 0:
        raise QualityGateError(
            "REG-CONSTANT",
            f"{what} has one value everywhere.",
            remedy="Send the series again.",
            stage="register",
        )


def _limits(volume: Volume) -> tuple[float, float]:
    low, high = np.percentile(volume.array.ravel()[::LIMITS_FROM_EVERY], BRIGHTNESS_LIMITS)
    return float(low), float(high)


def _levels(values: npt.NDArray[np.float32], limits: tuple[float, float]) -> npt.NDArray[np.intp]:
    low, high = limits
    width = max((high - low) / BINS, float(np.finfo(np.float32).tiny))
    levels: npt.NDArray[np.intp] = np.clip((values - low) / width, 0, BINS - 1).astype(np.intp)
    return levels


def _mutual_information(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> float:
    joint = np.bincount(first * BINS + second, minlength=BINS * BINS).reshape(BINS, BINS) / first.size
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float((joint[filled] * np.log(joint[filled] / independent[filled])).sum())
