"""Is the liver there, whole, covered by every sequence and enhanced, and can the lesions be lesions?"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.analysis import GateOutcome, Lesion
from pipeline.geometry import FloatArray, Grid
from pipeline.quality.refusal import at_least, at_most
from pipeline.quality.settings import GateSettings
from pipeline.study import Role
from pipeline.volume import LabelMap, Volume

Mask = npt.NDArray[np.bool_]

BODY_CLEARANCE_MM: Final = 15.0
"""Distance from the liver at which the rest of the body is compared with it, mm."""
BODY_SHARE_OF_BRIGHT: Final = 0.1
"""Intensity above which a voxel is body, as a share of the 98th percentile."""


def liver_gates(liver_map: LabelMap, settings: GateSettings) -> tuple[GateOutcome, ...]:
    """Judge the liver on the original grid: large enough, and not cut by the first or last slice."""
    areas = (liver_map.array > 0).sum(axis=(1, 2))
    volume_cm3 = float(areas.sum()) * liver_map.grid.voxel_volume_mm3 / 1000
    cut = float(max(areas[0], areas[-1]) / max(areas.max(), 1))
    return (
        at_least(
            "liver_volume",
            volume_cm3,
            settings.minimum_liver_volume_cm3,
            f"Only {volume_cm3:.0f} cm3 of liver were found.",
        ),
        at_most(
            "liver_cut",
            cut,
            settings.maximum_cut_share,
            "The hepatobiliary phase begins or ends within the liver.",
        ),
    )


def coverage_gate(
    name: str,
    mask: Mask,
    grid: Grid,
    sequences: Mapping[Role, tuple[Grid, FloatArray]],
    limit: float,
) -> GateOutcome:
    """Judge whether every sequence was acquired where `mask` is.

    Parameters
    ----------
    name
        ``liver_coverage`` or ``tumour_coverage``.
    mask
        (k, j, i) on `grid`, not empty.
    grid
        Of the mask.
    sequences
        Grid as acquired and 4 x 4 transform from `grid` to it, by role.
    limit
        Least share.
    """
    points = grid.to_lps_mm(np.argwhere(mask)[:, ::-1])
    shares = {role: _covered(points, *sequence) for role, sequence in sequences.items()}
    role = min(shares, key=shares.__getitem__)
    what = name.removesuffix("_coverage")
    return at_least(name, shares[role], limit, f"{role} covers {shares[role]:.0%} of the {what} only.")


def hepatobiliary_gate(before: Volume, hepatobiliary: Volume, liver: Mask, settings: GateSettings) -> GateOutcome:
    """Judge whether the liver took up the contrast agent.

    Parameters
    ----------
    before, hepatobiliary
        On one grid; their receiver gains may differ.
    liver
        Without tumours, (k, j, i), not empty.
    settings
        Least gain.

    Notes
    -----
    The liver is compared with the rest of the body in either phase, and the two ratios with each other, so that
    the arbitrary scale of MR intensities cancels out.
    """
    away = away_from(liver, hepatobiliary.grid, BODY_CLEARANCE_MM)
    ratios = []
    for volume in (before, hepatobiliary):
        bright = volume.array > BODY_SHARE_OF_BRIGHT * np.percentile(volume.array, 98)
        rest = volume.array[bright & away]
        reference = float(np.median(rest)) if rest.size else 1.0
        ratios.append(float(np.median(volume.array[liver])) / max(reference, 1e-6))
    gain = ratios[1] / max(ratios[0], 1e-6)
    return at_least(
        "hepatobiliary_enhancement",
        gain,
        settings.minimum_hepatobiliary_ratio,
        f"The liver is {gain:.2f} times as bright against the body in the hepatobiliary phase as before contrast, "
        "too little for a hepatobiliary phase.",
    )


def away_from(mask: Mask, grid: Grid, distance_mm: float) -> Mask:
    """Find the voxels whose centres are farther than `distance_mm` from every one of `mask`; (k, j, i).

    Distances are computed near `mask` alone: whatever is farther along one axis is farther.

    Parameters
    ----------
    mask
        (k, j, i) on `grid`; everything is away from an empty one.
    """
    if not mask.any():
        return np.ones_like(mask)
    spacing_kji = grid.spacing_xyz_mm[::-1]
    reach = np.ceil(distance_mm / spacing_kji).astype(int)
    planes = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    near = tuple(
        slice(max(0, int(hit[0]) - steps), int(hit[-1]) + steps + 1)
        for hit, steps in zip(planes, reach.tolist(), strict=True)
    )
    away = np.ones_like(mask)
    away[near] = ndimage.distance_transform_edt(~mask[near], sampling=spacing_kji.tolist()) > distance_mm
    return away


def tumour_gates(
    lesions: tuple[Lesion, ...], liver_volume_cm3: float, contact: float, settings: GateSettings
) -> tuple[GateOutcome, ...]:
    """Judge whether the lesions can be lesions: their number, size and share of the liver, and whether in it.

    Parameters
    ----------
    lesions
        At least one.
    liver_volume_cm3
        Tumours included.
    contact
        Least share of the voxels around a lesion that are liver, see `pipeline.lesions.least_contact`.
    settings
        Limits.
    """
    largest_mm = max(lesion.longest_diameter_mm for lesion in lesions)
    share = sum(lesion.volume_cm3 for lesion in lesions) / max(liver_volume_cm3, 1e-6)
    return (
        at_most(
            "lesion_count",
            float(len(lesions)),
            float(settings.maximum_lesions),
            f"{len(lesions)} lesions were found, more than the model can be trusted with.",
        ),
        at_most(
            "tumour_share",
            share,
            settings.maximum_tumour_share,
            f"{share:.0%} of the liver were taken for tumour.",
        ),
        at_most(
            "tumour_size",
            largest_mm,
            settings.maximum_tumour_mm,
            f"A lesion of {largest_mm:.0f} mm was found, larger than the model can be trusted with.",
        ),
        at_least(
            "tumour_contact",
            contact,
            settings.minimum_tumour_contact,
            f"Liver is {contact:.0%} of what lies around a lesion: it seems to lie beside the liver.",
        ),
    )


def _covered(points_lps_mm: FloatArray, grid: Grid, transform_lps_mm: FloatArray) -> float:
    """Return the share of points that lie in a voxel of `grid`."""
    index = grid.to_index_ijk(points_lps_mm @ transform_lps_mm[:3, :3].T + transform_lps_mm[:3, 3])
    upper = np.array(grid.shape[::-1]) - 0.5
    return float(((index >= -0.5) & (index <= upper)).all(axis=1).mean())
