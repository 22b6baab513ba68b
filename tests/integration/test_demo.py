"""`mvi-node demo`, as a newcomer runs it."""

import json

import pytest

from tests.conftest import DemoRun

LONGEST_S = 180
"""What the demonstration may take on two cores."""


@pytest.mark.slow
def test_demo_when_run_then_leaves_the_promised_files(demo_run: DemoRun) -> None:
    out, result = demo_run.out, demo_run.result
    assert result.returncode == 0, result.stderr
    for name in ("seg.dcm", "sr.dcm", "summary.png", "result.json"):
        assert (out / name).stat().st_size > 0, name


@pytest.mark.slow
def test_demo_when_run_then_prints_what_was_matched_found_and_delivered(demo_run: DemoRun) -> None:
    out, result = demo_run.out, demo_run.result
    document = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert document["status"] == "analysed"
    assert document["features"]["count"] == 14736
    assert document["lesions"]
    assert "confirmed by storage commitment" in result.stdout
    # A line a role, in a pipe: name, series, description, and whether it is the series that was written for it.
    matched = [line.split("\t") for line in result.stdout.splitlines() if line.count("\t") == 3][1:]
    assert [row[3] for row in matched] == ["yes"] * 6
    assert not set("│┃━…") & set(result.stdout)
    assert "For research use only" in result.stdout


@pytest.mark.slow
def test_demo_when_timed_then_under_three_minutes(demo_run: DemoRun) -> None:
    (line,) = [line for line in demo_run.result.stdout.splitlines() if " s; files in" in line]
    assert int(line.split(" s;")[0].strip()) < LONGEST_S
