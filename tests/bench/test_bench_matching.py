"""Run the benchmark of matching once on a smaller study, so that it does not rot."""

from pathlib import Path

from tests.bench.bench_matching import measure, write_study


def test_matching_of_a_larger_study_is_right_and_grows_no_faster_than_its_files(tmp_path: Path) -> None:
    write_study(tmp_path, 240)
    timing = measure(tmp_path)
    assert (timing.instances, timing.code) == (240, None)
    # Five times the budget of 2.5 ms a file, for a busy machine.
    assert timing.total_s < 240 * 0.0125
