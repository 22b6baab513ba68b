"""Masks that can be read and yet cannot be meant."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import numpy as np

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import FloatArray
from pipeline.study import Role
from pipeline.volume import LabelMap, Volume

DARK: Final = 0.05
"""Share of the 99th percentile of an image below which a voxel shows air or nothing."""
MOSTLY: Final = 0.5
"""Share of a mask in the dark above which it was drawn elsewhere."""
MOST_OF_BODY: Final = 0.5
"""Share of what is not dark above which a mask is no tumour: inside and outside were exchanged, or it is the "
"body."""
APART_MM: Final = 30.0
"""Farthest that the same tumours lie apart in two sequences of an examination: a deep breath moves a liver by 25 "
"mm."""
SAME_TUMOURS: Final = 2.0
"""Ratio of volumes up to which two masks outline the same tumours, so that their centres can be compared."""


def require_meant(mask: LabelMap, image: Volume, *, what: str) -> None:
    """Check that a mask outlines something that the image shows.

    Parameters
    ----------
    mask
        Not 0 inside, on the grid of `image`.
    image
        The sequence that it was drawn on.
    what
        The mask, for the message.

    Raises
    ------
    UnsuitableStudyError
        ``CM-EMPTY``: it outlines nothing, or for the most part air. ``CM-MASK``: it fills most of the body.
    """
    inside = mask.array > 0
    if not inside.any():
        raise _empty(f"{what} outlines nothing.")
    bright = float(np.percentile(image.array, 99))
    dark = image.array < DARK * bright
    # An image without any contrast tells nothing of a mask.
    if bright > 0 and float(dark[inside].mean()) > MOSTLY:
        raise _empty(f"{what} lies for the most part outside the body.")
    if bright > 0 and float(inside[~dark].mean()) > MOST_OF_BODY:
        raise _not_meant(f"{what} fills more than half of the body.", "Outline the tumour alone, as 1 on 0.")


def require_same_tumours(masks: Mapping[Role, LabelMap], frames_of_reference: Mapping[Role, str]) -> None:
    """Check that the masks of a patient lie where the others do: one that was shifted, or is of another, does not.

    Parameters
    ----------
    masks
        Not 0 inside, each on the grid of its sequence, all in the patient's frame.
    frames_of_reference
        UIDs by sequence where they are known; sequences of different ones are not compared.

    Raises
    ------
    UnsuitableStudyError
        ``CM-MASK``: two are farther apart than breathing moves a liver.
    """
    points = {role: _points_mm(mask) for role, mask in masks.items() if mask.array.any()}
    for first, second in combinations(sorted(points), 2):
        frames = {frames_of_reference.get(role, "") for role in (first, second)} - {""}
        apart = _apart_mm(*(points[role] for role in (first, second))) if len(frames) < 2 else 0.0
        if apart > APART_MM:
            raise _not_meant(
                f"The masks of {first} and {second} lie {apart:.0f} mm apart; {APART_MM:.0f} mm are allowed.",
                "Look at both on their sequences: one is shifted, of another patient, or of another tumour.",
            )


def _points_mm(mask: LabelMap) -> FloatArray:
    """Return the volume of a voxel, as often as there are points, beside their places: (n, 4), mm3 and LPS mm."""
    index_ijk = np.argwhere(mask.array > 0)[:, ::-1]
    volume = float(np.prod(mask.grid.spacing_xyz_mm))
    places = index_ijk @ mask.grid.affine[:3, :3].T + mask.grid.affine[:3, 3]
    return np.column_stack([np.full(len(places), volume), places])


def _apart_mm(first: FloatArray, second: FloatArray) -> float:
    """Measure centre to centre where both hold the same tumours, otherwise from the smaller to the nearest "
    "voxel.
    """
    smaller, larger = sorted((first, second), key=lambda points: float(points[:, 0].sum()))
    centre = smaller[:, 1:].mean(axis=0)
    if larger[:, 0].sum() <= SAME_TUMOURS * smaller[:, 0].sum():
        return float(np.linalg.norm(larger[:, 1:].mean(axis=0) - centre))
    return float(np.linalg.norm(larger[:, 1:] - centre, axis=1).min())


def _not_meant(message: str, remedy: str) -> UnsuitableStudyError:
    return UnsuitableStudyError("CM-MASK", message, remedy=remedy, stage="assemble")


def _empty(message: str) -> UnsuitableStudyError:
    return UnsuitableStudyError(
        "CM-EMPTY", message, remedy="Draw the tumour on that sequence, or leave the mask out.", stage="assemble"
    )
