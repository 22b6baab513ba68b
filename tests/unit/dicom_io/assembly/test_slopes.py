"""Slopes that a scanner gives each slice are believed, and those that its values do not know are not."""

import numpy as np
import numpy.typing as npt
import pytest

from dicom_io.assembly.slopes import unbelievable_slope

SLICES = 12


def stack(seed: int = 0) -> npt.NDArray[np.float32]:
    """Return slices (k, j, i) of tissue in air; those at the ends of the slab are darker, as they are acquired."""
    rng = np.random.default_rng(seed)
    shading = np.minimum(1.0, 0.45 + 0.25 * np.minimum(np.arange(SLICES), np.arange(SLICES)[::-1]))
    array = rng.normal(3, 1, (SLICES, 20, 20))
    array[:, 4:16, 4:16] += rng.normal(100, 10, (SLICES, 12, 12))
    return np.abs(array * shading[:, None, None]).astype(np.float32)


def test_slope_when_each_slice_fills_the_range_of_its_own_then_it_is_believed() -> None:
    # As PET and some MR scanners store: the brightest pixel of each slice is 4095, be it an artefact.
    array = stack()
    array[5, 0, 0] = 3000
    slopes = array.max(axis=(1, 2)) / 4095
    assert max(slopes) / min(slopes) > 20
    assert unbelievable_slope(list(array), list(slopes)) is None


@pytest.mark.parametrize("factor", [10.0, 2.0, 0.1])
def test_slope_when_every_second_slice_has_another_one_then_it_is_not_believed(factor: float) -> None:
    slopes = np.where(np.arange(SLICES) % 2, factor, 1.0)
    found = unbelievable_slope(list(stack() * slopes[:, None, None]), list(slopes))
    assert found == pytest.approx(max(factor, 1 / factor))


@pytest.mark.parametrize("factor", [10.0, 0.2])
def test_slope_when_half_of_the_slices_have_another_one_then_it_is_not_believed(factor: float) -> None:
    slopes = np.where(np.arange(SLICES) < SLICES // 2, factor, 1.0)
    found = unbelievable_slope(list(stack() * slopes[:, None, None]), list(slopes))
    assert found == pytest.approx(max(factor, 1 / factor))


@pytest.mark.parametrize("slope", [1.0, 0.0, 100.0])
def test_slope_when_it_is_one_for_all_then_it_is_believed(slope: float) -> None:
    assert unbelievable_slope(list(stack() * np.float32(slope)), [slope] * SLICES) is None


def test_slope_when_slices_are_empty_then_they_jump_nowhere() -> None:
    array = stack()
    array[::2] = 0
    assert unbelievable_slope(list(array), [10.0, 1.0] * (SLICES // 2)) is None
