import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli import app

runner = CliRunner()


def test_phantom_list_names_the_standard_scenario_and_ge() -> None:
    result = runner.invoke(app, ["phantom", "--list", "--json"])
    assert result.exit_code == 0
    listed = json.loads(result.stdout)
    assert listed["scenarios"][0] == {
        "name": "standard",
        "summary": "six sequences and the usual distractors, axial",
        "status": "accepted",
        "code": None,
        "vendors": [entry["name"] for entry in listed["vendors"]],
    }
    assert {"name": "ge"} in listed["vendors"]


def test_phantom_list_in_a_pipe_is_one_line_a_scenario_with_expected_outcome_and_vendors() -> None:
    result = runner.invoke(app, ["phantom", "--list"], env={"COLUMNS": "40"})
    assert result.exit_code == 0
    lines = {line.split("\t")[0]: line.split("\t") for line in result.stdout.splitlines()}
    assert lines["standard"][1:] == ["accepted", "all", "six sequences and the usual distractors, axial"]
    assert lines["vframe"][1:3] == ["SM-VENDOR", "uih"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "mvi-node phantom OUT"),
        (["--vendor", "acme"], "acme"),
        (["--scenario", "sunday"], "sunday"),
        (["--vendor", "ge", "--scenario", "vframe"], "makes no sense for ge"),
    ],
)
def test_phantom_with_wrong_usage_says_so_in_one_line_and_exits_2(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    out = [str(tmp_path / "out")] if arguments else []
    result = runner.invoke(app, ["phantom", *out, *arguments])
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_phantom_writes_a_study_and_prints_its_truth(tmp_path: Path) -> None:
    result = runner.invoke(app, ["phantom", str(tmp_path), "--seed", "3", "--json"])
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["truth"] == json.loads((tmp_path / "truth" / "truth.json").read_text())
    assert printed["truth"]["seed"] == 3
    assert sum(1 for _ in (tmp_path / "dicom").rglob("*.dcm")) > 300
    again = runner.invoke(app, ["phantom", str(tmp_path)])
    assert again.exit_code == 2
    assert "not empty" in again.stderr
