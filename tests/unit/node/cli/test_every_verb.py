"""What holds of every verb: an example in its help, one document with --json, plain text in a pipe, completion."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from node.audit.trail import Trail
from node.cli import PROGRAM, app, main
from node.cli.output import ExitCode
from node.ledger.ledger import open_ledger
from node.states import Event
from node.storage.folder import storage_id
from tests.unit.node.audit.test_trail import EVENT
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

STANDS_IN: dict[str, tuple[str, ...]] = {
    "analyse": ("nowhere", "--out", "out"),
    "cohort": ("nowhere.toml", "--work", "work"),
    "demo": ("--out", "out"),
    "labs import": ("nowhere.csv",),
    "labs show": ("P1",),
    "match": ("nowhere",),
    "models": ("none",),
    "peers": ("none",),
    "phantom": ("out",),
    "simulate": ("--to", "A@127.0.0.1:1"),
    "studies": ("1.2.404",),
    "studies export": ("1.2.404", "--out", "out"),
}
"""Arguments of those that have required ones, by verb or group; what they name is not there."""
FRAMES = re.compile(r"[\x1b\u2500-\u257f\u2026]")


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


VERBS = dict(leaves(typer.main.get_command(app)))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Path:
    """A node with one study that waits and one that is delivered to a peer."""
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Trail(tmp_path).append(EVENT)
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock) as ledger:
        ledger.bind(storage_id(tmp_path))
        make_ready(ledger, clock)
        make_ready(ledger, clock, f"{STUDY}.2")
        ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    return tmp_path


def called(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [PROGRAM, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.mark.parametrize("verb", VERBS)
def test_help_when_read_in_a_pipe_then_is_plain_has_an_example_of_this_verb_and_names_json_and_config(
    verb: str,
) -> None:
    shown = CliRunner().invoke(app, [*verb.split(), "--help"]).stdout
    # On one line of 80 columns: what is broken cannot be copied and run.
    (example,) = [line for line in shown.splitlines() if f"Example: {PROGRAM} {verb}" in line]
    assert example.strip() == VERBS[verb].epilog
    assert "--json" in shown
    assert "--config" in shown
    assert not FRAMES.search(shown)


@pytest.mark.parametrize("verb", VERBS)
def test_verb_when_its_configuration_or_its_command_line_is_wrong_then_ends_in_one_document_and_exit_2(
    verb: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = STANDS_IN.get(verb, STANDS_IN.get(verb.split(maxsplit=1)[0], ()))
    needs = given if any(parameter.required for parameter in VERBS[verb].params) else ()
    wrong = [("--config", "/nowhere/node.toml"), ("--no-such-option",)]
    for arguments in wrong if verb != "config init" else wrong[1:]:
        code, out, err = called(*verb.split(), *needs, *arguments, "--json", capsys=capsys)
        assert code == ExitCode.USAGE, err
        document = json.loads(out)
        assert isinstance(document, dict)
        assert "Traceback" not in err
        assert err.startswith("mvi-node: ")


@pytest.mark.parametrize(
    "verb",
    ["studies list", f"studies show {STUDY}", "queue", "config show", "peers list", "labs list", "models list",
     "audit export", "audit verify", "studies purge --due --dry-run", "config check", "db migrate"],
)  # fmt: skip
def test_verb_when_it_is_done_then_json_is_one_document_and_text_in_a_pipe_is_plain(
    verb: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = called(*verb.split(), "--json", capsys=capsys)
    assert code == ExitCode.DONE
    assert isinstance(json.loads(out), dict)
    code, out, err = called(*verb.split(), capsys=capsys)
    assert code == ExitCode.DONE
    assert not FRAMES.search(out + err)


def test_completion_when_shown_for_bash_then_is_valid_and_completes_verbs(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "SHELL": "/bin/bash"}
    run: Any = {"env": environment, "capture_output": True, "text": True, "cwd": tmp_path}
    # Asked for from bash, as people do: the shell is known by the process above.
    shown = ["/bin/bash", "-c", f'"{sys.executable}" -m node --show-completion; exit $?']
    script = subprocess.run(shown, check=True, **run).stdout
    (tmp_path / "completion.bash").write_text(script, encoding="utf-8")
    subprocess.run(["/bin/bash", "-n", "completion.bash"], check=True, **run)
    # The function as bash calls it, with this interpreter in the place of the installed program.
    (tmp_path / PROGRAM).write_text(f'#!/bin/bash\nexec "{sys.executable}" -m node "$@"\n', encoding="utf-8")
    (tmp_path / PROGRAM).chmod(0o755)
    asked = (
        f"source completion.bash; COMP_WORDS=({PROGRAM} studies re); COMP_CWORD=2; "
        f'_mvi_node_completion ./{PROGRAM}; echo "${{COMPREPLY[@]}}"'
    )
    assert subprocess.run(["/bin/bash", "-c", asked], check=True, **run).stdout.split() == ["reprocess", "retry"]


def test_config_check_when_right_then_says_what_it_looked_at(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("config", "check", capsys=capsys)[2] == (
        "mvi-node: configuration is valid: no file, built-in defaults\n"
    )
    called("config", "init", "node.toml", capsys=capsys)
    assert called("config", "check", capsys=capsys)[2] == "mvi-node: configuration is valid: node.toml\n"


@pytest.mark.parametrize("verb", ["config show", "models list --json", "studies list --json"])
def test_verb_when_its_output_cannot_be_written_then_ends_in_one_line(
    verb: str, site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "argv", [PROGRAM, *verb.split()])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == ExitCode.FAILED
    assert capfd.readouterr().err == (
        "mvi-node: standard output: the disk is full; make space, or name a place on another disk\n"
    )


def test_version_is_that_of_the_package(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("--version", capsys=capsys)[1] == f"mvi-node {version('mvi-node')}\n"


@pytest.mark.parametrize("verb", ["config show", "studies list --json", "audit export"])
def test_verb_when_nobody_reads_on_then_ends_without_a_word(
    verb: str, site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        monkeypatch.setattr(sys, "argv", [PROGRAM, *verb.split()])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == ExitCode.UNREAD
    assert capfd.readouterr().err == ""
