"""Run the benchmark of the registration once, so that it does not rot, and hold its goal."""

import pytest

from tests.bench.bench_registration import FIRST_SEED, measure_case
from tests.bench.spoilt_sequences import Seen


@pytest.mark.slow
@pytest.mark.parametrize("seen", [Seen.WHOLE, Seen.PARTIAL])
def test_registration_of_a_phantom_is_within_a_millimetre_and_half_a_slice(seen: Seen) -> None:
    for error in measure_case(FIRST_SEED, seen=seen):
        assert error.plane_equivalent_mm < 1.0, error
        assert error.through_plane_mm < error.slice_mm / 2, error
        assert error.dice_after >= error.dice_before, error
        assert not error.made_worse_silently, error
