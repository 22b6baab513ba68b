"""A mask that outlines nothing, or air, is told; one of a dark tumour is not."""

import numpy as np
import pytest

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.training.mask_checks import require_meant
from pipeline.volume import LabelMap, Volume

GRID = Grid((4, 20, 20), np.ones(3), np.zeros(3), np.eye(3))
BODY = np.zeros(GRID.shape, np.float32)
BODY[:, :, :10] = 100.0
BODY[:, 5:8, 5:8] = 10.0  # A dark tumour.


def mask(first: int, last: int) -> LabelMap:
    array = np.zeros(GRID.shape, np.uint8)
    array[1:3, 5:8, first:last] = 1
    return LabelMap(array, GRID)


@pytest.mark.parametrize(("first", "last", "said"), [(5, 5, "outlines nothing"), (8, 14, "outside the body")])
def test_mask_when_it_cannot_be_meant_then_refused(first: int, last: int, said: str) -> None:
    with pytest.raises(UnsuitableStudyError, match=f"CM-EMPTY: The mask .*{said}"):
        require_meant(mask(first, last), Volume(BODY, GRID), what="The mask")


def test_mask_when_of_a_dark_tumour_or_of_an_image_without_contrast_then_taken() -> None:
    require_meant(mask(5, 8), Volume(BODY, GRID), what="The mask")
    require_meant(mask(7, 12), Volume(BODY, GRID), what="The mask")
    require_meant(mask(5, 8), Volume(np.zeros_like(BODY), GRID), what="The mask")
