"""`mvi-node peers` against real peers: what it says, and with which exit code it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dicom_io.network.requestor import RemoteAE
from node.audit.trail import Trail
from node.cli import app
from node.cli.output import ExitCode
from node.ledger.ledger import open_ledger
from tests.integration.dcmtk import LOOPBACK, running_dcmqrscp, running_storescp
from tests.integration.orthanc import free_port, running_orthanc

pytestmark = pytest.mark.peer("dcmtk")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A node that has run: its ledger is there."""
    storage = tmp_path / "storage"
    storage.mkdir()
    open_ledger(f"sqlite:///{storage / 'ledger.sqlite'}").close()
    path = tmp_path / "node.toml"
    path.write_text(f"# ours\n[node]\nstorage = {json.dumps(str(storage))}\n", encoding="utf-8")
    return path


def peers(configuration: Path, *arguments: str, exit_code: ExitCode = ExitCode.DONE) -> Any:
    result = CliRunner().invoke(app, ["peers", *arguments, "--json", "--config", str(configuration)])
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def add(configuration: Path, peer: RemoteAE, name: str = "pacs") -> None:
    address = ("--ae-title", peer.ae_title, "--host", peer.host, "--port", str(peer.port))
    document = peers(configuration, "add", name, *address, "--receives-results")
    assert document == {"added": name, "file": str(configuration)}


def outcome(configuration: Path) -> str:
    (listed,) = peers(configuration, "list")["peers"]
    return str(listed["last_contact"]["outcome"])


def test_peer_when_added_echoed_and_removed_then_the_list_follows(configuration: Path, tmp_path: Path) -> None:
    with running_dcmqrscp(tmp_path / "pacs") as pacs:
        add(configuration, pacs)
        assert outcome(configuration) == "never"
        assert peers(configuration, "echo", "pacs")["reached"]
        assert outcome(configuration) == "reached"
    assert peers(configuration, "echo", "pacs", exit_code=ExitCode.PEER_UNREACHABLE)["reached"] is False
    assert outcome(configuration) == "unreachable"
    assert peers(configuration, "remove", "pacs") == {"removed": "pacs", "file": str(configuration)}
    assert peers(configuration, "list") == {"peers": []}
    assert configuration.read_text(encoding="utf-8").startswith("# ours\n")


def test_change_of_a_peer_is_in_the_trail_with_the_person_and_a_refused_one_is_not(
    configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.cli.peers_change.person", lambda: "anna")
    add(configuration, RemoteAE("PACS", LOOPBACK, 104))
    peers(configuration, "remove", "archive", exit_code=ExitCode.USAGE)
    peers(configuration, "remove", "pacs")
    told = [
        (record["participants"][0]["user_id"], record["detail"])
        for record in Trail(tmp_path / "storage").records()
    ]
    assert told == [("anna", f"peer pacs added: PACS@{LOOPBACK}"), ("anna", "peer pacs removed")]


def test_peer_that_makes_the_file_invalid_can_be_removed(configuration: Path) -> None:
    with configuration.open("a", encoding="utf-8") as file:
        file.write('[[peers]]\nname = "pacs"\nae_title = "PACS"\nhost = "pacs"\nport = 700000\n')
    assert peers(configuration, "remove", "pacs")["removed"] == "pacs"


def test_change_of_a_peer_before_the_first_start_makes_no_storage(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(f"[node]\nstorage = {json.dumps(str(tmp_path / 'storage'))}\n", encoding="utf-8")
    add(path, RemoteAE("PACS", LOOPBACK, 104))
    assert not (tmp_path / "storage").exists()


def test_echo_when_the_peer_does_not_know_us_then_exit_1_and_what_to_do(
    configuration: Path, tmp_path: Path
) -> None:
    with running_dcmqrscp(tmp_path / "pacs", knows="OTHER") as pacs:
        add(configuration, pacs)
        document = peers(configuration, "echo", "pacs", exit_code=ExitCode.FAILED)
    assert document["refused"]
    assert "rejected the association" in document["message"]
    assert outcome(configuration) == "refused"


def test_probe_when_the_pacs_takes_all_but_commits_to_nothing_then_a_query_will_confirm(
    configuration: Path, tmp_path: Path
) -> None:
    with running_dcmqrscp(tmp_path / "pacs") as pacs:
        add(configuration, pacs)
        document = peers(configuration, "probe", "pacs")
    assert document["recommended"] == {"outputs": ["seg", "sr", "summary"], "confirmation": "query"}
    assert document["implementation"].startswith("OFFIS_DCMTK")
    assert list((tmp_path / "pacs" / "kept").glob("*.dcm")) == []


def test_probe_when_the_pacs_takes_no_seg_then_says_which_outputs_to_set(
    configuration: Path, tmp_path: Path
) -> None:
    classes = ("Comprehensive3DSRStorage", "SecondaryCaptureImageStorage")
    with running_storescp(tmp_path / "pacs", sop_classes=classes) as pacs:
        add(configuration, pacs)
        document = peers(configuration, "probe", "pacs")
    assert document["recommended"] == {"outputs": ["sr", "summary"], "confirmation": "none"}
    assert 'Set outputs = ["sr", "summary"] for this peer.' in document["advice"]
    accepted = {service["sop_class_uid"]: service["transfer_syntax_uids"] for service in document["services"]}
    assert accepted["1.2.840.10008.5.1.4.1.1.88.34"] == ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]
    assert accepted["1.2.840.10008.5.1.4.1.1.66.4"] == []


@pytest.mark.peer("orthanc")
def test_probe_when_the_pacs_is_orthanc_then_it_commits_and_has_dicomweb(
    configuration: Path, tmp_path: Path
) -> None:
    with running_orthanc(tmp_path, {}) as orthanc:
        add(configuration, RemoteAE(orthanc.ae_title, LOOPBACK, orthanc.port))
        document = peers(configuration, "probe", "pacs")
        url = f"http://{LOOPBACK}:{orthanc.http_port}"
        web, wrong = (probe_web(configuration, name, f"{url}/{name}") for name in ("dicom-web", "wrong"))
        assert orthanc.get("/instances") == []
    assert [service["accepted"] for service in web["services"]] == [True, True]
    assert web["recommended"] == {"outputs": ["seg", "sr", "summary"], "confirmation": "query"}
    assert wrong["recommended"] == {"outputs": [], "confirmation": "none"}
    assert "There is no STOW-RS under its URL" in wrong["advice"][0]
    assert document["recommended"] == {
        "outputs": ["seg", "sr", "summary"],
        "confirmation": "storage-commitment",
    }


def probe_web(configuration: Path, name: str, url: str) -> Any:
    """Add a DICOMweb peer and probe it."""
    address = ("--ae-title", "WEB", "--host", LOOPBACK, "--port", "1")
    peers(configuration, "add", name, *address, "--dicomweb-url", url, "--receives-results")
    return peers(configuration, "probe", name)


def test_probe_when_nobody_listens_then_exit_4(configuration: Path) -> None:
    add(configuration, RemoteAE("NOBODY", LOOPBACK, free_port()))
    assert (
        "no DICOM service" in peers(configuration, "probe", "pacs", exit_code=ExitCode.PEER_UNREACHABLE)["message"]
    )


@pytest.mark.parametrize("verb", ["echo", "probe"])
def test_verb_when_the_peer_is_unknown_then_exit_2_and_names_the_known(configuration: Path, verb: str) -> None:
    add(configuration, RemoteAE("A", LOOPBACK, 104), "archive")
    assert "it has: archive" in peers(configuration, verb, "pacs", exit_code=ExitCode.USAGE)["message"]


def test_add_when_values_are_wrong_then_exit_2_and_names_them_all(configuration: Path) -> None:
    before = configuration.read_text(encoding="utf-8")
    arguments = ("add", "pacs", "--ae-title", "MUCH TOO LONG A TITLE", "--host", "", "--port", "99999")
    message = peers(configuration, *arguments, exit_code=ExitCode.USAGE)["message"]
    for key in ("ae_title", "host", "port"):
        assert f"peers.0.{key}" in message
    assert configuration.read_text(encoding="utf-8") == before
