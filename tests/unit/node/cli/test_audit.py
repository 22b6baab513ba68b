"""`audit export` and `audit verify` as somebody runs them who wants to know who did what."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.audit.sent import Sent, write_sent
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


@pytest.mark.parametrize("verb", ["export", "verify"])
def test_verb_when_the_trail_was_deleted_then_says_so_and_begins_none(trail: Trail, verb: str) -> None:
    result = CliRunner().invoke(app, ["audit", verb])
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout == ""
    assert f"there is no audit trail in {trail.path.parent}" in result.stderr
    assert not trail.path.exists()


def test_verify_when_the_repository_has_more_lines_then_the_trail_was_cut(trail: Trail) -> None:
    for _ in range(3):
        trail.append(EVENT)
    *_, last = trail.records()
    write_sent(trail.path.parent, Sent(last["number"], last["hash"]))
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == ExitCode.DONE
    lines = trail.path.read_bytes().splitlines(keepends=True)
    trail.path.write_bytes(b"".join(lines[:2]))
    result = CliRunner().invoke(app, ["audit", "verify"])
    assert result.exit_code == ExitCode.FAILED
    assert "line 3, which was sent to the audit repository, is missing or was changed" in result.stderr
    # Another line in its place does not make it whole.
    trail.append(replace(EVENT, instances=8))
    assert CliRunner().invoke(app, ["audit", "verify"]).exit_code == ExitCode.FAILED


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
