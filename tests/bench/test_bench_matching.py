"""Run the benchmark of matching once in small, so that it does not rot."""

from pathlib import Path

from tests.bench.bench_matching import count_figures, measure, write_study
from tests.integration.scenario_table import Outcome


def test_matching_of_a_larger_study_is_right(tmp_path: Path) -> None:
    write_study(tmp_path, 240)
    timing = measure(tmp_path)
    assert (timing.instances, timing.code) == (240, None)


def test_counts_tell_right_answers_wrong_codes_and_wrong_acceptances_apart() -> None:
    outcomes = [
        Outcome("ge", "standard", None, None, (), ""),
        Outcome("ge", "oblique", None, None, ("T2",), ""),
        Outcome("ge", "busy", None, "SM-AMBIG-T2", (), ""),
        Outcome("ge", "gap", "SM-INCOMPLETE", "SM-INCOMPLETE", (), ""),
        Outcome("ge", "lossy", "SM-LOSSY", None, (), ""),
        Outcome("ge", "no-time", "SM-NOTIME", "SM-GAP", (), ""),
    ]
    counts = [(figure.ours, figure.baseline) for figure in count_figures(outcomes)]
    assert counts == [(1, 3), (1, 3), (2, 6)]
