"""TLS as a hospital's network sees it: `mvi-node serve` and DCMTK's own TLS client."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_io.network.tls import TlsFiles
from node.cli.output import ExitCode
from tests.faults.processes import usage
from tests.faults.raw_peer import RawPeer
from tests.faults.victim import listener, wait_for
from tests.integration.service import LOOPBACK, RunningNode, mvi_node, running_node
from tests.unit.dicom_io.network.certificates import Authority, new_authority
from tests.unit.dicom_io.network.instances import write_instances

pytestmark = [pytest.mark.slow, pytest.mark.peer("openssl"), pytest.mark.peer("dcmtk")]

SCANNER = {"name": "scanner", "ae_title": "SCANNER", "host": LOOPBACK, "may_send": True}
SILENT = 10


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("tls") / "ours")


def configure(patch: pytest.MonkeyPatch, files: TlsFiles, *, plain: bool = True) -> None:
    for key, value in (("CERTIFICATE", files.certificate), ("KEY", files.key), ("AUTHORITY", files.authority)):
        patch.setenv(f"MVI_NODE_TLS__{key}", str(value))
    patch.setenv("MVI_NODE_TLS__PORT", "0")
    patch.setenv("MVI_NODE_TLS__PLAIN", str(plain).lower())


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[RunningNode]:
    with pytest.MonkeyPatch.context() as patch:
        configure(patch, authority.issue("node"), plain=False)
        with running_node(tmp_path_factory.mktemp("node"), 0, [SCANNER]) as running:
            yield running


def dcmtk(program: str, node: RunningNode, *options: str | Path) -> "subprocess.CompletedProcess[str]":
    peer = ("-aet", "SCANNER", "-aec", node.ae_title, LOOPBACK, str(node.port))
    files = [str(option) for option in options if str(option).endswith(".dcm")]
    tls = [str(option) for option in options if str(option) not in files]
    command = [f"/usr/bin/{program}", *tls, *peer, *files]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_serve_when_tls_is_alone_then_says_its_port_and_takes_dcmtk(
    node: RunningNode, authority: Authority, tmp_path: Path
) -> None:
    scanner = authority.issue("scanner")
    own = ("+tls", scanner.key, scanner.certificate, "+cf", scanner.authority)
    (path,) = write_instances(tmp_path, 1, rows=320)

    assert f"port={node.port} tls_port={node.port}" in node.log.read_text(encoding="utf-8")
    assert dcmtk("echoscu", node, *own).returncode == 0
    assert dcmtk("storescu", node, *own, path).returncode == 0
    assert [study["images"] for study in node.json("studies", "list")["studies"]] == [1]


def test_serve_when_the_client_is_not_of_our_authority_then_refuses_it(
    node: RunningNode, authority: Authority, tmp_path: Path
) -> None:
    stranger = new_authority(tmp_path / "foreign").issue("stranger")
    theirs = ("+tls", stranger.key, stranger.certificate, "+cf", authority.certificate)

    assert dcmtk("echoscu", node, *theirs).returncode != 0
    assert dcmtk("echoscu", node, "+tla", "+cf", authority.certificate).returncode != 0  # No certificate at all.
    assert dcmtk("echoscu", node).returncode != 0  # No TLS at all.


def test_serve_when_tls_peers_are_silent_then_others_are_served_within_a_second(
    node: RunningNode, authority: Authority
) -> None:
    scanner = authority.issue("scanner")
    own = ("+tls", scanner.key, scanner.certificate, "+cf", scanner.authority)
    silent = [socket.create_connection((LOOPBACK, node.port), timeout=30) for _ in range(SILENT)]
    silent[0].sendall(b"\x16\x03\x01")
    try:
        began = time.monotonic()
        assert dcmtk("echoscu", node, *own).returncode == 0
        assert time.monotonic() - began < 1
        assert [connection.recv(1) for connection in silent] == [b""] * SILENT
        assert time.monotonic() - began < 5 + 1  # The deadline of a handshake.
    finally:
        for connection in silent:
            connection.close()


def test_probes_when_they_connect_to_the_tls_port_then_leave_no_thread_and_no_handle(
    node: RunningNode, authority: Authority
) -> None:
    scanner = authority.issue("scanner")
    own = ("+tls", scanner.key, scanner.certificate, "+cf", scanner.authority)
    assert dcmtk("echoscu", node, *own).returncode == 0
    receiver = listener(node.port)
    assert receiver is not None
    time.sleep(0.3)
    before = usage(receiver)
    for number in range(100):
        probe = RawPeer(node.port)
        probe.send((b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n")[number % 3])
        probe.close(reset=number % 2 == 0)
    assert dcmtk("echoscu", node, *own).returncode == 0
    wait_for(lambda: usage(receiver).is_no_more_than(before), "threads and handles are given back", 10)


def test_serve_when_certificates_cannot_be_used_then_names_each_and_exits_2(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = authority.issue("expired", first="200101", last="210101")
    monkeypatch.setenv("MVI_NODE_NODE__STORAGE", str(tmp_path / "storage"))
    absent = TlsFiles(tmp_path / "no.pem", tmp_path / "no.key", authority.certificate)
    for verb, files, sentence in (
        (["serve"], expired, f"tls.certificate: {expired.certificate} has expired"),
        (["config", "check"], absent, "tls.key: "),
    ):
        configure(monkeypatch, files)
        ended = mvi_node(*verb)
        assert ended.returncode == ExitCode.USAGE, ended.stderr
        assert sentence in ended.stderr
        assert "Traceback" not in ended.stderr


def test_config_when_tls_is_half_set_then_says_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MVI_NODE_TLS__CERTIFICATE", "node.pem")
    ended = mvi_node("config", "check")
    assert ended.returncode == ExitCode.USAGE
    assert "absent: key, authority" in ended.stderr
