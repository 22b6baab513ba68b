import errno
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from node.cli import app, main
from node.cli.output import ExitCode, verb


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "change its rights"),
        (errno.ENOENT, "check the path"),
        (errno.EEXIST, "name another"),
        (errno.ENOTDIR, "name another folder"),
        (errno.EISDIR, "name a file"),
        (errno.ENOSPC, "make space"),
        (errno.EROFS, "name a place on another"),
    ],
)
def test_verb_when_the_system_says_no_then_one_line_names_the_place_and_what_to_do(
    number: int, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @verb
    def fail() -> None:
        raise OSError(number, "", "/some/place")

    with pytest.raises(typer.Exit) as ended:
        fail()
    line = capsys.readouterr().err
    assert ended.value.exit_code == ExitCode.FAILED
    assert line.startswith("mvi-node: /some/place: ")
    assert advice in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["match", "absent"], ExitCode.USAGE, "USAGE"),
        (["analyse", "empty", "--out", "r"], ExitCode.FAILED, "FAILED"),
        (["analyse", "empty", "--out", "r", "--model", "absent"], ExitCode.USAGE, "USAGE"),
        (["studies", "list"], ExitCode.FAILED, "FAILED"),
        (["models", "show", "absent"], ExitCode.USAGE, "USAGE"),
        (["phantom"], ExitCode.USAGE, "USAGE"),
        (["phantom", "out", "--vendor", "nobody"], ExitCode.USAGE, "USAGE"),
        (["config", "show", "--config", "absent.toml"], ExitCode.USAGE, "USAGE"),
        (["cohort", "check", "absent.toml"], ExitCode.USAGE, "USAGE"),
    ],
)
def test_verbs_when_they_fail_then_json_is_one_document_and_the_line_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], exit_code: ExitCode, code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == exit_code
    document = json.loads(result.stdout)
    assert (document["status"], document["code"]) == ("failed", code)
    assert result.stderr == f"mvi-node: {document['message']}\n"


def test_config_check_when_a_key_is_wrong_then_its_document_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node.toml").write_text("[node]\nprot = 1\n")
    result = CliRunner().invoke(app, ["config", "check", "--json"])
    assert result.exit_code == ExitCode.USAGE
    assert json.loads(result.stdout)["valid"] is False
    assert "prot" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyse", "study"], "Missing option '--out'; see `mvi-node analyse --help`"),
        (["labs", "import"], "Missing argument 'FILE'; see `mvi-node labs import --help`"),
        (["match", "--absent"], "see `mvi-node match --help`"),
        (["absent"], "see `mvi-node --help`"),
        (["studies", "list", "--state", "absent"], "see `mvi-node studies list --help`"),
    ],
)
@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_main_when_the_command_line_is_wrong_then_one_line_says_so(
    arguments: list[str],
    said: str,
    json_option: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["mvi-node", *arguments, *json_option])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.err.endswith(f"{said}\n")
    assert told.err.count("\n") == 1
    if json_option:
        assert told.err == f"mvi-node: {json.loads(told.out)['message']}\n"
    else:
        assert told.out == ""


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["config", "show"], 0), (["labs"], 2)])
def test_main_when_help_or_a_verb_is_asked_for_then_the_exit_code_is_kept(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["mvi-node", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code or 0) == code
    told = capsys.readouterr()
    assert "mvi-node" in told.out + told.err
    assert "mvi-node: " not in told.err


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ([], "node.toml"),
        (["a.toml"], "a.toml"),
        (["--config", "b.toml"], "b.toml"),
        (["a", "--config", "b"], None),
    ],
)
def test_config_init_when_the_file_is_named_either_way_then_it_is_written(
    arguments: list[str], written: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["config", "init", *arguments])
    assert result.exit_code == (ExitCode.USAGE if written is None else ExitCode.DONE)
    assert [path.name for path in tmp_path.iterdir()] == ([] if written is None else [written])
