"""A mask that outlines nothing, air, the body, or lies elsewhere is told; one of a dark tumour is not."""

import numpy as np
import pytest

from pipeline.errors import UnsuitableStudyError
from pipeline.geometry import Grid
from pipeline.study import Role
from pipeline.training.mask_checks import require_labels, require_meant, require_same_tumours
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


def test_mask_when_it_fills_the_body_then_refused() -> None:
    array = np.zeros(GRID.shape, np.uint8)
    array[:, :, :8] = 1
    with pytest.raises(UnsuitableStudyError, match="CM-MASK: The mask fills more than half of the body"):
        require_meant(LabelMap(array, GRID), Volume(BODY, GRID), what="The mask")


def ball(centre_mm: float, radius_mm: float, spacing_mm: float = 2.0) -> LabelMap:
    """Outline a ball on a row of voxels of its own."""
    grid = Grid((40, 40, 100), np.full(3, spacing_mm), np.array([-10.0, 0.0, 0.0]), np.eye(3))
    place = np.moveaxis(np.indices(grid.shape)[::-1], 0, -1) * spacing_mm + np.array([-10.0, 0.0, 0.0])
    return LabelMap((np.linalg.norm(place - [centre_mm, 40, 40], axis=-1) <= radius_mm).astype(np.uint8), grid)


FIRST, SECOND = Role.T1_PRE, Role.T1_HEPATOBILIARY


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ball(50, 20), ball(91, 20)),  # Shifted by 41 mm, and touching.
        (ball(50, 20), ball(110, 8)),  # A small one far from a large one: 40 mm beyond its surface.
    ],
    ids=["shifted", "foreign"],
)
def test_masks_when_one_lies_elsewhere_then_refused_by_the_distance(first: LabelMap, second: LabelMap) -> None:
    with pytest.raises(
        UnsuitableStudyError, match=r"CM-MASK: The tumours of T1_HEPATOB.* and T1_PRE lie 4[01] mm"
    ):
        require_same_tumours({FIRST: first, SECOND: second}, {})
    # Sequences whose places cannot be compared are not.
    require_same_tumours({FIRST: first, SECOND: second}, {FIRST: "1.2", SECOND: "1.3"})
    with pytest.raises(UnsuitableStudyError):
        require_same_tumours({FIRST: first, SECOND: second}, {FIRST: "1.2", SECOND: "1.2"})


def test_masks_when_a_breath_lies_between_or_one_holds_fewer_tumours_then_taken() -> None:
    require_same_tumours({FIRST: ball(50, 20), SECOND: ball(75, 20, 2.5)}, {})
    both = LabelMap(ball(50, 10).array | ball(130, 16).array, ball(50, 10).grid)
    require_same_tumours({FIRST: both, SECOND: ball(50, 10)}, {})
    require_same_tumours({FIRST: both}, {})


def label_map(liver: slice, tumour: slice) -> LabelMap:
    array = np.zeros(GRID.shape, np.uint8)
    array[:, 2:9, liver] = 1
    array[1:3, 5:8, tumour] = 2
    return LabelMap(array, GRID)


def test_labels_when_they_can_be_meant_then_taken() -> None:
    require_labels(label_map(slice(2, 9), slice(5, 8)), Volume(BODY, GRID))
    require_labels(label_map(slice(2, 9), slice(5, 5)), Volume(BODY, GRID))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (label_map(slice(2, 2), slice(5, 8)), r"CM-EMPTY: The label map has no liver \(1\)"),
        (label_map(slice(12, 19), slice(5, 8)), "CM-EMPTY: The label map lies for the most part outside the body"),
        (
            LabelMap(np.array([0, 2, 1], np.uint8)[label_map(slice(2, 9), slice(5, 8)).array], GRID),
            "CM-MASK: More than 80% of what the label map outlines is tumour",
        ),
    ],
    ids=["no liver", "air", "exchanged"],
)
def test_labels_when_they_cannot_be_meant_then_refused(labels: LabelMap, said: str) -> None:
    with pytest.raises(UnsuitableStudyError, match=said):
        require_labels(labels, Volume(BODY, GRID))


def test_labels_when_their_tumour_lies_elsewhere_than_the_masks_then_refused() -> None:
    labels = ball(91, 20)
    tumour = LabelMap(labels.array * 2, labels.grid)
    with pytest.raises(UnsuitableStudyError, match=r"tumours of T1_PRE and the label map lie 4[01] mm apart"):
        require_same_tumours({FIRST: ball(50, 20)}, {}, tumour)
    require_same_tumours({FIRST: ball(50, 20)}, {}, LabelMap(ball(60, 20).array * 2, labels.grid))
    # Nothing tells how two frames of reference lie to one another.
    require_same_tumours({FIRST: ball(50, 20)}, {FIRST: "1.2", SECOND: "1.3"}, tumour)
