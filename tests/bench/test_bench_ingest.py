"""Run the benchmark of reception once with few instances, so that it does not rot."""

import pytest

from tests.bench.bench_ingest import (
    FOUR,
    NAGLE,
    ONE,
    OURS,
    RECEIVERS,
    SMALL,
    Load,
    Taken,
    cell,
    figures_of,
    measure,
)

INSTANCES = 8


@pytest.mark.slow
@pytest.mark.peer("dcmtk")
def test_reception_when_measured_then_every_instance_is_taken() -> None:
    loads = (Load(ONE.name, 32), Load(FOUR.name, 32, associations=4), Load(NAGLE.name, 32, nagle=True))
    times = measure(loads, {OURS: RECEIVERS[OURS]}, instances=INSTANCES, rounds=1)
    assert set(times) == {(load.name, OURS) for load in loads}
    # No claim about speed on a busy machine: only that no answer waits for a time-out.
    assert max(taken.seconds for taken in times.values()) < INSTANCES * 5
    assert min(taken.processor_s for taken in times.values()) > 0


def test_figures_when_made_then_compare_each_load_with_its_own_receiver() -> None:
    times = {(load.name, name): Taken(2.0, 1.2) for load in (ONE, FOUR, SMALL, NAGLE) for name in RECEIVERS}
    times[SMALL.name, OURS] = Taken(1.0, 0.6)
    figures = figures_of(times, 600)
    assert [(figure.ours, figure.baseline, figure.unit) for figure in figures] == [
        (2.0, 2.0, "s"), (2.0, 2.0, "s"), (600.0, 300.0, "/s"), (300.0, 300.0, "/s"),
    ]  # fmt: skip
    assert cell(times[SMALL.name, OURS], 600) == "600/s, 1.00 ms"
