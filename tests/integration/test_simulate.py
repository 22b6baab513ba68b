"""`mvi-node simulate` against a real node: what it says of studies that come whole, in pieces and not at all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from node.cli import app
from node.cli.output import ExitCode
from node.demo.processes import free_port
from tests.faults.killing_analysis import write_coarse_model
from tests.integration.service import LOOPBACK, RunningNode, mvi_node, running_node

pytestmark = pytest.mark.slow

AE_TITLE = "MVI-ACCEPT"
DEADLINE_S = 10.0
"""Longer than a busy machine takes between two associations of one study."""
LONGEST_S = 540.0
PLAYED = ("missing-series", "missing-slices", "completed-later")


@dataclass(frozen=True)
class Simulated:
    """A node, and what was said of it."""

    node: RunningNode
    port: int
    result: "subprocess.CompletedProcess[str]"
    report: str

    @property
    def to(self) -> str:
        return f"{self.node.ae_title}@{LOOPBACK}:{self.node.port}"

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.result.stdout)
        return document


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    folder = tmp_path_factory.mktemp("simulate")
    write_coarse_model(folder / "models")
    port = free_port()
    us: dict[str, object] = {"name": "us", "ae_title": AE_TITLE, "host": LOOPBACK, "port": port}
    peers = [{**us, "may_send": True, "return_to_sender": True}]
    completion = {"settle_s": 1.0, "deadline_s": DEADLINE_S, "check_every_s": 0.5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MVI_NODE_MODEL__FOLDER", str(folder / "models"))
        with running_node(folder / "node", free_port(), peers, **completion) as node:
            played = [word for name in PLAYED for word in ("--scenario", name)]
            result = mvi_node(
                *("simulate", "--config", str(node.configuration), "--port", str(port), "--vendor", "siemens"),
                *("--size", "small", "--site", "<b>Ward</b>", "--report", str(folder / "report.html"), "--json"),
                *played,
                timeout_s=LONGEST_S,
            )
            report = folder / "report.html"
            yield Simulated(node, port, result, report.read_text(encoding="utf-8") if report.exists() else "")


def test_node_when_studies_come_whole_in_pieces_and_not_at_all_then_each_is_answered_as_planted(
    simulated: Simulated,
) -> None:
    assert simulated.result.returncode == ExitCode.DONE, simulated.result.stdout + simulated.result.stderr
    document = simulated.document
    assert document["status"] == "passed"
    answers = {study["scenario"]: study for study in document["studies"]}
    assert {name: study["answered"] for name, study in answers.items()} == {
        "missing-series": "SM-MISSING-T2",
        "missing-slices": "SM-INCOMPLETE",
        "completed-later": "analysed",
    }
    whole = answers["completed-later"]
    assert [item["kind"] for item in whole["objects"]] == ["sr", "summary", "seg", "sr", "summary"]
    assert {check["name"]: check["found"] for check in whole["checks"]}["replacement"] == "yes"
    assert all(item["committed"] and item["times"] == 1 for item in whole["objects"])
    assert whole["dice"] >= 0.6
    assert whole["roles"] == dict.fromkeys(
        ("T2", "DWI", "T1_PRE", "T1_ARTERIAL", "T1_PORTAL", "T1_HEPATOBILIARY"), True
    )
    assert all(study["patient_id"].startswith("MVI-ACCEPTANCE-") for study in document["studies"])


def test_report_when_written_then_holds_table_picture_and_notice_and_escapes(simulated: Simulated) -> None:
    for words in ("passed: 3 of 3", "SM-INCOMPLETE", "data:image/png", "Not a medical device", "Signature"):
        assert words in simulated.report, words
    assert "&lt;b&gt;Ward" in simulated.report


def test_node_when_it_does_not_know_the_title_then_the_command_is_told_and_nothing_is_sent(
    simulated: Simulated,
) -> None:
    arguments = ["simulate", "--to", simulated.to, "--ae-title", "STRANGER", "--port", str(simulated.port)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == ExitCode.FAILED
    assert "mvi-node peers add acceptance --ae-title STRANGER --host 127.0.0.1" in result.stderr
    assert len(simulated.node.json("studies", "list")["studies"]) == len(PLAYED)


LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("node", run_name="__main__", alter_sys=True)
"""
"""A shell starts what runs in its background deaf to Ctrl-C; this hears it, wherever the suite is started."""


@pytest.mark.parametrize(
    ("told", "exit_code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
    ids=["ctrl-c", "sigterm"],
)
def test_simulate_when_told_to_stop_then_it_ends_at_once_without_a_traceback_and_leaves_no_folder(
    simulated: Simulated, tmp_path: Path, told: signal.Signals, exit_code: ExitCode
) -> None:
    command = [sys.executable, "-c", LISTENING, "simulate", "--to", simulated.to, "--scenario", "in-order"]
    command += ["--port", str(simulated.port), "--size", "small"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        while said and "sending" not in said:
            said = process.stderr.readline()
        assert list(tmp_path.glob("mvi-node-simulate-*"))
        process.send_signal(told)
        try:
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == exit_code, rest
    assert "Traceback" not in rest
    assert not list(tmp_path.glob("mvi-node-simulate-*"))


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["--to", "MVINODE"], ExitCode.USAGE, "AE@HOST:PORT"),
        (["--to", "MVINODE@127.0.0.1:1"], ExitCode.PEER_UNREACHABLE, "no DICOM service could be reached"),
        (["--to", "MVINODE@127.0.0.1:1", "--scenario", "nope"], ExitCode.USAGE, "no scenario 'nope'"),
        (["--to", "MVINODE@127.0.0.1:1", "--ae-title", "A" * 17], ExitCode.USAGE, "AE title"),
        (["--to", "MVINODE@127.0.0.1:1", "--report", "/no/such/folder/a.html"], ExitCode.USAGE, "--report"),
        (["--to", "MVINODE@127.0.0.1:1", "--output", "seg"], ExitCode.USAGE, "--output sr"),
    ],
)
def test_simulate_when_it_cannot_begin_then_one_line_and_its_exit_code(
    arguments: list[str], exit_code: ExitCode, said: str
) -> None:
    result = CliRunner().invoke(app, ["simulate", *arguments, "--json"])
    assert result.exit_code == exit_code
    assert said in json.loads(result.stdout)["message"]
    assert len(result.stderr.splitlines()) == 1
