"""`mvi-node serve` as a process: how it starts, refuses to start, survives and stops."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from config.series_rules import DEFAULT_RULES_FILE
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import echo, send_files
from node.cli.output import ExitCode
from node.demo.processes import free_port
from pipeline.model_bundle import CLASSIFIER, write_bundle
from tests.integration.dcmtk import running_dcmqrscp
from tests.integration.service import LOOPBACK, RunningNode, mvi_node, running_node
from tests.unit.node.labs.hl7_samples import panel
from tests.unit.node.labs.sender import Sender, code_of
from tests.unit.pipeline.bundles import SMALL, blank_tensors

pytestmark = pytest.mark.slow

SCANNER = {"name": "scanner", "ae_title": "SCANNER", "host": LOOPBACK, "may_send": True}
PATIENCE_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bundle that loads quickly and is never asked to compute."""
    folder = tmp_path_factory.mktemp("models")
    write_bundle(
        folder / "phantom-demo",
        name="phantom-demo",
        version="0.0.1",
        intended_use="tests",
        settings=SMALL,
        tensors=blank_tensors(),
        training={},
    )
    yield folder


@pytest.fixture(autouse=True)
def _model_in_the_environment(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MVI_NODE_MODEL__FOLDER", str(model))


@pytest.fixture(scope="module")
def incomplete_study(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("phantom")
    made = mvi_node("phantom", str(out), "--seed", "5", "--scenario", "no-hepatobiliary")
    assert made.returncode == 0, made.stderr
    return sorted((out / "dicom").rglob("*.dcm"))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def send(files: list[Path], node: RunningNode) -> None:
    outcomes = send_files(files, RemoteAE(node.ae_title, LOOPBACK, node.port), calling_ae_title="SCANNER")
    assert {outcome.disposition for outcome in outcomes} == {Disposition.DELIVERED}


def answers(node: RunningNode) -> bool:
    try:
        echo(RemoteAE(node.ae_title, LOOPBACK, node.port), calling_ae_title="SCANNER")
    except PeerError:
        return False
    return True


def children(process: int) -> list[int]:
    return [pid for pid, parent, _ in processes() if parent == process]


def processes() -> Iterator[tuple[int, int, str]]:
    """Yield number, parent and command line of every process of this machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
            yield int(folder.name), int(parent), (folder / "cmdline").read_text(errors="replace")


def refusal_of_start(folder: Path, **environment: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"MVI_NODE_NODE__STORAGE": str(folder / "storage"), **environment}.items():
            patch.setenv(name, value)
        ended = mvi_node("serve", timeout_s=PATIENCE_S)
    assert ended.returncode == ExitCode.FAILED, ended.stderr
    assert "Traceback" not in ended.stderr
    complaint: str = ended.stderr.splitlines()[-1]
    return complaint


def test_serve_when_the_port_is_taken_then_says_so_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = refusal_of_start(tmp_path, MVI_NODE_NODE__PORT=port, MVI_NODE_NODE__HOST=LOOPBACK)
    assert line.startswith("mvi-node: ")
    assert port in line


def test_serve_when_the_model_is_damaged_then_names_the_file(tmp_path: Path, model: Path) -> None:
    weights = model / "phantom-demo" / CLASSIFIER
    whole = weights.read_bytes()
    try:
        weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert CLASSIFIER in refusal_of_start(tmp_path, MVI_NODE_NODE__PORT="0")
    finally:
        weights.write_bytes(whole)


def test_serve_when_the_storage_cannot_be_made_then_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "storage").touch()
    assert "node.storage" in refusal_of_start(tmp_path)


def test_serve_when_the_series_rules_are_wrong_then_names_every_error(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    text = DEFAULT_RULES_FILE.read_text(encoding="utf-8")
    rules.write_text(text.replace("margin = 2.0", "margin = -1").replace('"late"', '"best"'), encoding="utf-8")
    config = tmp_path / "node.toml"
    config.write_text(f'[node]\nstorage = "{tmp_path}"\n[matching]\nrules = "{rules}"\n', encoding="utf-8")
    for verb in (["serve"], ["analyse", str(tmp_path), "--out", str(tmp_path / "out")], ["config", "check"]):
        ended = mvi_node(*verb, "--config", str(config))
        assert ended.returncode == ExitCode.USAGE, ended.stderr
        assert "decision.margin" in ended.stderr
        assert "time.arterial_pick" in ended.stderr


def test_serve_when_told_to_stop_then_ends_within_seconds_and_leaves_no_process(tmp_path: Path) -> None:
    with running_node(tmp_path, 0, [SCANNER], settle_s=1, deadline_s=2, check_every_s=0.2) as node:
        process = node_process(node)
        family = children(process)
        assert family
        began = time.monotonic()
        os.kill(process, signal.SIGTERM)
        wait_until(lambda: not answers(node) and not any(alive(child) for child in family))
        assert time.monotonic() - began < 10
    assert "Traceback" not in node.log.read_text(encoding="utf-8")


def test_serve_when_its_receiver_is_killed_then_it_listens_again_on_the_same_port(tmp_path: Path) -> None:
    with running_node(tmp_path, 0, [SCANNER], settle_s=1, deadline_s=2, check_every_s=0.2) as node:
        assert answers(node)
        for child in children(node_process(node)):
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: answers(node))


@pytest.mark.peer("dcmtk")
def test_serve_when_killed_while_its_pacs_is_away_then_the_next_start_delivers_each_object_once(
    tmp_path: Path, incomplete_study: list[Path]
) -> None:
    port = free_port()
    pacs = {"name": "pacs", "ae_title": "QRPACS", "host": LOOPBACK, "port": port, "receives_results": True}
    waits = {"settle_s": 1, "deadline_s": 2, "check_every_s": 0.2}
    with running_node(tmp_path, 0, [SCANNER, pacs], **waits) as node:
        send(incomplete_study, node)
        (listed,) = node.json("studies", "list")["studies"]
        uid = listed["study_instance_uid"]
        node.wait_for_state(uid, ["delivering"], PATIENCE_S)
        wait_until(lambda: node.json("peers", "list")["peers"][1]["last_contact"]["outcome"] == "unreachable")
        waiting = node.json("queue")["undelivered"]
        assert {item["because"] for item in waiting} == {"no DICOM service could be reached there"}
        os.kill(node_process(node), signal.SIGKILL)
    with (
        running_dcmqrscp(tmp_path / "pacs", port=port),
        running_node(tmp_path, 0, [SCANNER, pacs], **waits) as node,
    ):
        assert node.json("peers", "echo", "pacs")["reached"]
        ended = node.wait_for_state(uid, ["delivered"], PATIENCE_S)
        assert {item["confirmed_by"] for item in ended["deliveries"]} == {"query"}
        assert node.json("queue")["undelivered"] == []
        kept = [path for path in (tmp_path / "pacs" / "kept").iterdir() if path.name != "index.dat"]
        assert len(kept) == len(waiting)


def node_process(node: RunningNode) -> int:
    (found,) = (pid for pid, _, command in processes() if f"serve\0--config\0{node.configuration}\0" in command)
    return found


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_serve_when_watched_then_metrics_health_and_audit_are_told_and_move(
    incomplete_study: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, hl7 = free_port(), free_port()
    monkeypatch.setenv("MVI_NODE_WATCH__PORT", str(port))
    monkeypatch.setenv("MVI_NODE_LABS__PORT", str(hl7))
    with running_node(tmp_path, 0, [SCANNER], settle_s=300, deadline_s=300, check_every_s=1) as node:
        ready = json.loads(watched(port, "/readyz"))
        assert ready["ok"] is True
        assert set(ready["dependencies"]) >= {"process", "storage", "ledger", "reception", "workers", "hl7"}
        assert 'mvi_studies{state="receiving"} 0.0' in watched(port, "/metrics")
        send(incomplete_study[:3], node)
        with Sender(hl7) as laboratory:
            assert [code_of(laboratory.ask(message)) for message in (panel(), panel("2", ""))] == ["AA", "AE"]
        text = watched(port, "/metrics")
        for answer, number in (("AA", 1), ("AE", 1), ("AR", 0)):
            assert f'mvi_hl7_messages_total{{answer="{answer}"}} {number}.0' in text
        assert 'mvi_studies{state="receiving"} 1.0' in text
        assert "mvi_instances_entered 3.0" in text
    configuration = ("--config", str(node.configuration))
    kinds = [record["type"] for record in node.json("audit", "export")["audit"]]
    assert kinds[0] == "START"
    assert kinds[-2:] == ["STOP", None]  # None: that somebody read the trail.
    assert mvi_node("audit", "verify", *configuration).returncode == 0
    exported = mvi_node("audit", "export", "--xml", *configuration).stdout.splitlines()
    assert len(exported) == len(kinds) + 1
    assert exported[0].startswith("<AuditMessage>")


def watched(port: int, path: str) -> str:
    with urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=10) as answer:
        body: bytes = answer.read()
        return body.decode()
