"""Run the benchmark of the registration once, so that it does not rot, and hold its goal."""

import pytest

from tests.bench.bench_registration import FIRST_SEED, measure_case


@pytest.mark.slow
def test_registration_of_a_phantom_is_within_a_millimetre_in_plane_and_half_a_slice() -> None:
    for error in measure_case(FIRST_SEED):
        assert error.in_plane_mm < 1.0, error
        assert error.through_plane_mm < 2.5, error
