import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli import app
from node.cli.output import ExitCode


def test_demo_when_the_configuration_is_wrong_then_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.toml").write_text("[matching]\nrules = 'absent.toml'\n")
    result = CliRunner().invoke(app, ["demo", "--out", "out", "--config", "site.toml", "--json"])
    assert result.exit_code == ExitCode.USAGE
    assert "absent.toml" in json.loads(result.stdout)["message"]
    assert not (tmp_path / "out").exists()
