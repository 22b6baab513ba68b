"""Run the benchmark of reception once with few instances, so that it does not rot."""

import pytest

from tests.bench.bench_ingest import FOUR, NAGLE, ONE, OURS, RECEIVERS, SMALL, Load, figures_of, measure

INSTANCES = 8


@pytest.mark.slow
@pytest.mark.peer("dcmtk")
def test_reception_when_measured_then_every_instance_is_taken() -> None:
    loads = (Load(ONE.name, 32), Load(FOUR.name, 32, associations=4), Load(NAGLE.name, 32, nagle=True))
    seconds = measure(loads, {OURS: RECEIVERS[OURS]}, instances=INSTANCES, rounds=1)
    assert set(seconds) == {(load.name, OURS) for load in loads}
    # No claim about speed on a busy machine: only that no answer waits for a time-out.
    assert max(seconds.values()) < INSTANCES * 5


def test_figures_when_made_then_compare_each_load_with_its_own_receiver() -> None:
    seconds = {(load.name, name): 2.0 for load in (ONE, FOUR, SMALL, NAGLE) for name in RECEIVERS}
    seconds[SMALL.name, OURS] = 1.0
    figures = figures_of(seconds, 600)
    assert [(figure.ours, figure.baseline, figure.unit) for figure in figures] == [
        (2.0, 2.0, "s"), (2.0, 2.0, "s"), (600.0, 300.0, "/s"), (300.0, 300.0, "/s"),
    ]  # fmt: skip
