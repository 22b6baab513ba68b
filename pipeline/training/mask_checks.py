"""Masks that can be read and yet cannot be meant."""

from typing import Final

import numpy as np

from pipeline.errors import UnsuitableStudyError
from pipeline.volume import LabelMap, Volume

DARK: Final = 0.05
"""Share of the 99th percentile of an image below which a voxel shows air or nothing."""
MOSTLY: Final = 0.5
"""Share of a mask in the dark above which it was drawn elsewhere."""


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
        ``CM-EMPTY``: it outlines nothing, or for the most part air.
    """
    inside = mask.array > 0
    if not inside.any():
        raise _empty(f"{what} outlines nothing.")
    bright = float(np.percentile(image.array, 99))
    dark = image.array < DARK * bright
    # An image without any contrast tells nothing of a mask.
    if bright > 0 and float(dark[inside].mean()) > MOSTLY:
        raise _empty(f"{what} lies for the most part outside the body.")


def _empty(message: str) -> UnsuitableStudyError:
    return UnsuitableStudyError(
        "CM-EMPTY", message, remedy="Draw the tumour on that sequence, or leave the mask out.", stage="assemble"
    )
