"""`make audit`: what nobody could be asked about is neither sound nor vulnerable."""

import json
from pathlib import Path

import pytest

from deploy.audit import NONE_KNOWN, NOT_AUDITED, VULNERABLE, judge, main

SOUND = {"name": "six", "version": "1.17.0", "vulns": []}
HOLED = {"name": "pillow", "version": "1.0", "vulns": [{"id": "CVE-2023-4863", "fix_versions": ["10.0.1"]}]}
UNKNOWN = {"name": "alembic", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("dependencies", "exit_code", "said"),
    [
        ([SOUND], NONE_KNOWN, "no vulnerability is known of 1 packages"),
        ([SOUND, HOLED], VULNERABLE, "pillow 1.0: CVE-2023-4863, mended in 10.0.1"),
        ([SOUND, UNKNOWN], NOT_AUDITED, "no answer about 1 of 2 packages (alembic)"),
        ([HOLED, UNKNOWN], VULNERABLE, "NOT AUDITED"),
        ([], NOT_AUDITED, "NOT AUDITED"),
    ],
)
def test_judge_when_packages_are_sound_holed_or_unknown_then_says_which(
    dependencies: list[object], exit_code: int, said: str
) -> None:
    verdict = judge(json.dumps({"dependencies": dependencies, "fixes": []}), "")
    assert verdict.exit_code == exit_code
    assert said in "\n".join(verdict.lines)


@pytest.mark.parametrize("report", ["", "Traceback", "[]", "{}"])
def test_judge_when_it_came_to_no_end_then_nothing_was_audited_and_the_reason_is_said(report: str) -> None:
    verdict = judge(report, "WARNING\nConnectionError: no route")
    assert verdict.exit_code == NOT_AUDITED
    assert "ConnectionError: no route" in verdict.lines[0]


def test_main_when_run_then_prints_the_verdict_and_gives_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'dependencies': [UNKNOWN]})}'\nexit 1\n", encoding="utf-8")
    program.chmod(0o700)
    assert main([str(program), "requirements.txt"]) == NOT_AUDITED
    assert capsys.readouterr().out.startswith("audit: NOT AUDITED")
