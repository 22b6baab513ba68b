"""Run the simulated queue on a few studies, so that the benchmark does not rot."""

from pathlib import Path

from tests.bench.bench_dask import ideal_s, queue_s


def test_queue_of_simulated_studies_is_finished_by_all_workers_together(tmp_path: Path) -> None:
    assert queue_s(3, 7, 0.2, tmp_path, None) >= ideal_s(3, 7, 0.2)


def test_ideal_is_a_whole_number_of_rounds() -> None:
    assert ideal_s(64, 200, 0.5) == 2.0
    assert ideal_s(1, 200, 0.5) == 100.0
