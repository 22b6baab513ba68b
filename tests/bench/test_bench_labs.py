"""Run the benchmark of laboratory messages once on a few, so that it does not rot."""

from pathlib import Path

from tests.bench.bench_labs import measure


def test_messages_in_a_row_are_all_accepted_and_kept(tmp_path: Path) -> None:
    found = measure(tmp_path, messages=100, senders=2)
    assert found.messages == 100
    assert min(found.per_s, found.baseline_per_s) > 0
