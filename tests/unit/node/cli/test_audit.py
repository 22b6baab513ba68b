"""`audit export` and `audit verify` as somebody runs them who wants to know who did what."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.audit.trail import Trail
from node.cli import app
from node.cli.output import ExitCode
from node.cli.person import person
from tests.unit.node.audit.test_trail import EVENT


@pytest.fixture
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trail:
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Trail(tmp_path)


@pytest.mark.parametrize("form", [[], ["--xml"], ["--json"]])
def test_export_when_made_then_the_trail_says_who_read_it_and_is_still_whole(
    trail: Trail, form: list[str]
) -> None:
    trail.append(EVENT)
    result = CliRunner().invoke(app, ["audit", "export", *form])
    assert result.exit_code == ExitCode.DONE
    first, reading = trail.records()
    assert first["event"] == "INSTANCES_TRANSFERRED"
    assert reading["event"] == "LOG_USED"
    assert [person["user_id"] for person in reading["participants"]] == [person()]
    assert not trail.problems()
    # What is printed tells of its own reading.
    if form == ["--json"]:
        assert json.loads(result.stdout)["audit"] == [first, reading]
    else:
        assert len(result.stdout.splitlines()) == 2


def test_export_when_there_is_no_trail_then_prints_none_and_begins_none(trail: Trail) -> None:
    assert CliRunner().invoke(app, ["audit", "export"]).stdout == ""
    assert not trail.path.exists()


def test_export_when_the_reading_cannot_be_recorded_then_shows_nothing_and_says_why(trail: Trail) -> None:
    trail.append(EVENT)
    with trail.path.open("ab") as file:
        file.write(b"{}}\n")
    result = CliRunner().invoke(app, ["audit", "export"])
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout == ""
    assert "damaged" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_verify_when_run_then_changes_nothing(trail: Trail) -> None:
    trail.append(EVENT)
    before = trail.path.read_bytes()
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == ExitCode.DONE
    assert trail.path.read_bytes() == before
