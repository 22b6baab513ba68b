"""Filled polygons whose pixels are known."""

import numpy as np
import pytest

from dicom_io.masks.polygons import fill


def test_fill_when_a_rectangle_ends_between_pixels_then_it_holds_those_and_no_others() -> None:
    inside = fill(np.array([[1.5, 2.5], [6.5, 2.5], [6.5, 5.5], [1.5, 5.5]]), (8, 10))
    expected = np.zeros((8, 10), bool)
    expected[3:6, 2:7] = True
    np.testing.assert_array_equal(inside, expected)


def test_fill_when_neighbours_share_an_edge_through_pixels_then_each_pixel_is_in_one() -> None:
    left = fill(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 6.0], [0.0, 6.0]]), (8, 10))
    right = fill(np.array([[4.0, 0.0], [9.0, 0.0], [9.0, 6.0], [4.0, 6.0]]), (8, 10))
    assert not (left & right).any()
    assert (left | right).sum() == 6 * 9


@pytest.mark.parametrize("turned", [1, -1])
def test_fill_when_a_circle_then_its_area(turned: int) -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)[::turned]
    inside = fill(np.stack([50 + 30.3 * np.cos(angle), 50 + 30.3 * np.sin(angle)], axis=1), (100, 100))
    assert inside.sum() == pytest.approx(np.pi * 30.3**2, rel=0.005)
    j, i = np.nonzero(inside)
    assert np.hypot(i - 50, j - 50).max() <= 30.3


def test_fill_when_concave_then_the_notch_is_outside() -> None:
    inside = fill(np.array([[-0.5, -0.5], [4.0, 4.2], [8.5, -0.5], [8.5, 8.5], [-0.5, 8.5]]), (9, 9))
    assert not inside[1, 4]
    assert inside[6, 4]
    assert inside[4, 0]


def test_fill_when_partly_outside_the_image_then_cut_off() -> None:
    inside = fill(np.array([[-5.0, -5.0], [3.5, -5.0], [3.5, 30.0], [-5.0, 30.0]]), (6, 8))
    assert inside[:, :4].all()
    assert not inside[:, 4:].any()
    assert not fill(np.array([[20.0, 1.0], [25.0, 1.0], [25.0, 4.0]]), (6, 8)).any()
