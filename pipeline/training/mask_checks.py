"""Masks that can be read and yet cannot be meant."""

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import FloatArray
from pipeline.study import FIXED_ROLE, Role
from pipeline.volume import LabelMap, Volume

DARK: Final = 0.05
"""Share of the 99th percentile of an image below which a voxel shows air or nothing."""
MOSTLY: Final = 0.5
"""Share of a mask in the dark above which it was drawn elsewhere."""
MOST_OF_BODY: Final = 0.5
"""Share of what is not dark above which a mask is no tumour: inside and outside were exchanged, or it is the
body."""
MOST_TUMOUR: Final = 0.8
"""Share of tumour in liver and tumour above which their labels were exchanged: a gate refuses less than that."""
LABELS: Final = "the label map"
APART_MM: Final = 30.0
"""Farthest that the same tumours lie apart in two sequences of an examination: a deep breath moves a liver by 25
mm."""
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
    dark = _require_in_body(mask, image, what)
    if not dark.all() and float(inside[~dark].mean()) > MOST_OF_BODY:
        raise _not_meant(f"{what} fills more than half of the body.", "Outline the tumour alone, as 1 on 0.")


def require_labels(labels: LabelMap, image: Volume) -> None:
    """Check that a label map shows a liver where the image shows a body, and no more tumour than liver can hold.

    Parameters
    ----------
    labels
        0, 1 liver, 2 tumour, on the grid of `image`.
    image
        The hepatobiliary phase.

    Raises
    ------
    UnsuitableStudyError
        ``CM-EMPTY``: it has no liver, or lies for the most part in air. ``CM-MASK``: liver and tumour seem to be
        exchanged.
    """
    if not (labels.array == 1).any():
        raise _empty("The label map has no liver (1).")
    _require_in_body(labels, image, "The label map")
    if float((labels.array == 2).sum()) > MOST_TUMOUR * float((labels.array > 0).sum()):
        raise _not_meant(
            f"More than {MOST_TUMOUR:.0%} of what the label map outlines is tumour (2).",
            "Give the liver the label 1 and the tumour 2.",
        )


def require_same_tumours(
    masks: Mapping[Role, LabelMap], frames_of_reference: Mapping[Role, str], labels: LabelMap | None = None
) -> None:
    """Check that the masks of a patient lie where the others do: one that was shifted, or is of another, does not.

    Parameters
    ----------
    masks
        Not 0 inside, each on the grid of its sequence, all in the patient's frame.
    frames_of_reference
        UIDs by sequence where they are known; sequences of different ones are not compared.
    labels
        Label map of the hepatobiliary phase, whose tumours (2) are compared like a mask.

    Raises
    ------
    UnsuitableStudyError
        ``CM-MASK``: two are farther apart than breathing moves a liver.
    """
    points = {str(role): _points_mm(mask) for role, mask in masks.items() if mask.array.any()}
    frame_of = {str(role): frame for role, frame in frames_of_reference.items()}
    if labels is not None and (labels.array == 2).any():
        points[LABELS] = _points_mm(LabelMap((labels.array == 2).astype(np.uint8), labels.grid))
        frame_of[LABELS] = frame_of.get(FIXED_ROLE, "")
    for first, second in combinations(sorted(points), 2):
        frames = {frame_of.get(name, "") for name in (first, second)} - {""}
        apart = _apart_mm(*(points[name] for name in (first, second))) if len(frames) < 2 else 0.0
        if apart > APART_MM:
            raise _not_meant(
                f"The tumours of {first} and {second} lie {apart:.0f} mm apart; {APART_MM:.0f} mm are allowed.",
                "Look at both on their sequences: one is shifted, of another patient, or of another tumour.",
            )


def _require_in_body(mask: LabelMap, image: Volume, what: str) -> npt.NDArray[np.bool_]:
    """Return where the image shows air or nothing; an image without any contrast tells nothing, and has none."""
    bright = float(np.percentile(image.array, 99))
    dark: npt.NDArray[np.bool_] = image.array < DARK * bright if bright > 0 else np.ones(image.array.shape, bool)
    if bright > 0 and float(dark[mask.array > 0].mean()) > MOSTLY:
        raise _empty(f"{what} lies for the most part outside the body.")
    return dark


def _points_mm(mask: LabelMap) -> FloatArray:
    """Return the volume of a voxel, as often as there are points, beside their places: (n, 4), mm3 and LPS mm."""
    index_ijk = np.argwhere(mask.array > 0)[:, ::-1]
    volume = float(np.prod(mask.grid.spacing_xyz_mm))
    places = index_ijk @ mask.grid.affine[:3, :3].T + mask.grid.affine[:3, 3]
    return np.column_stack([np.full(len(places), volume), places])


def _apart_mm(first: FloatArray, second: FloatArray) -> float:
    """Measure centre to centre where both hold the same tumours, otherwise from the smaller to the nearest one."""
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
