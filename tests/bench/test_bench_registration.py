"""Run the benchmark of the registration once, so that it does not rot, and hold its goal."""

import pytest

from tests.bench.bench_registration import FIRST_SEED, measure_case


@pytest.mark.slow
def test_registration_of_a_phantom_is_within_a_millimetre_and_half_a_slice() -> None:
    for error in measure_case(FIRST_SEED):
        assert error.plane_equivalent_mm < 1.0, error
        assert error.through_plane_mm < error.slice_mm / 2, error
        assert error.dice_after >= error.dice_before, error
        assert not error.made_worse_silently, error
