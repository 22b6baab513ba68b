"""What is named on the command line: plays, vendors, addresses; and what a node must know of us."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings
from dicom_io.network.requestor import PeerRefusedError, RemoteAE
from dicom_io.network.tls import ClientTls, TlsFiles
from node.simulation.addresses import (
    default_pause_s,
    default_wait_s,
    facing_address,
    find_node,
    local_address,
    parse_address,
)
from node.simulation.casting import ALL, describe_plays, performances
from node.simulation.peer_check import add_command, check_settings, other_receivers
from node.simulation.plays import PLAYS

LOOPBACK = "127.0.0.1"
NODE, OWN = RemoteAE("MVINODE", "127.0.0.1", 11112), RemoteAE("MVI-ACCEPT", "127.0.0.1", 11113)


def test_all_when_asked_for_then_every_play_that_makes_sense_for_the_vendor() -> None:
    assert [play.name for play, _ in performances([ALL], ["ge"])] == list(PLAYS)
    assert "missing-slices" not in {play.name for play, _ in performances([ALL], ["siemens-xa"])}
    assert {vendor for _, vendor in performances(["in-order"], [ALL])} > {"ge", "siemens-xa", "canon"}


def test_phantom_scenario_when_named_then_it_is_sent_in_order() -> None:
    ((play, vendor),) = performances(["twist"], ["ge", "siemens"])
    assert (play.name, play.phantom, vendor) == ("twist", "twist", "siemens")


@pytest.mark.parametrize(
    ("scenarios", "vendors", "said"),
    [
        (["nope"], ["ge"], "no scenario 'nope'"),
        (["in-order"], ["nope"], "no vendor 'nope'"),
        (["twist"], ["ge"], "none of twist makes sense for ge"),
    ],
)
def test_name_when_unknown_or_without_sense_then_it_is_a_wrong_command_line(
    scenarios: list[str], vendors: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        performances(scenarios, vendors)


def test_plays_when_listed_then_each_says_what_is_expected() -> None:
    expected = {str(entry["name"]): entry["expected"] for entry in describe_plays()}
    assert expected.keys() == PLAYS.keys()
    assert expected["resend"] == "analysed"
    assert (expected["missing-series"], expected["missing-slices"]) == ("SM-MISSING-T2", "SM-INCOMPLETE")


def test_address_when_read_then_title_host_and_port() -> None:
    assert parse_address("MVINODE@node.hospital:11112") == RemoteAE("MVINODE", "node.hospital", 11112)
    assert parse_address("A B@[::1]:104") == RemoteAE("A B", "::1", 104)


@pytest.mark.parametrize(
    "text", ["", "MVINODE", "MVINODE@host", "@host:104", "MVINODE@host:0", "A@h:70000", "A" * 17 + "@h:1"]
)
def test_address_when_it_is_none_then_it_is_a_wrong_command_line(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(text)


def test_own_address_when_the_node_is_on_loopback_then_loopback() -> None:
    assert facing_address(NODE) == "127.0.0.1"
    with pytest.raises(ConfigError, match="cannot be reached"):
        facing_address(RemoteAE("MVINODE", "no-such-host.invalid", 11112))


def test_node_when_over_tls_then_the_configuration_proves_us_and_names_the_port(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('[node]\nport = 104\n[tls]\ncertificate = "c"\nkey = "k"\nauthority = "a"\nport = 2762\n')
    proof = ClientTls(TlsFiles(Path("c"), Path("k"), Path("a")))
    local, settings = find_node("", path, {}, tls=True)
    assert (local, settings is None) == (RemoteAE("MVINODE", LOOPBACK, 2762, proof), False)
    assert find_node("X@h:1", path, {}, tls=True) == (RemoteAE("X", "h", 1, proof), None)
    assert find_node("X@h:1", tmp_path / "absent.toml", {}, tls=False) == (RemoteAE("X", "h", 1), None)
    assert find_node("", path, {}, tls=False)[0] == RemoteAE("MVINODE", LOOPBACK, 104)
    path.write_text("")
    with pytest.raises(ConfigError, match=r"--tls takes certificate, key and authority of \[tls\]"):
        find_node("", path, {}, tls=True)
    assert "--tls" in add_command(replace(OWN, tls=proof))


def test_configuration_when_it_is_known_then_address_and_patience_follow_from_it() -> None:
    completion = {"settle_s": 60, "deadline_s": 600, "check_every_s": 5}
    settings = Settings.model_validate({"node": {"port": 11112}, "completion": completion})
    assert local_address(settings) == NODE
    assert default_pause_s(settings) == 60 + 2 * 5 + 2
    hasty = Settings.model_validate({"completion": {**completion, "deadline_s": 20}})
    assert default_pause_s(hasty) == 10
    assert default_wait_s(settings) == 600 + settings.compute.timeout_s
    with pytest.raises(ConfigError, match="--to"):
        local_address(Settings.model_validate({"node": {"port": 0}}))


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        (None, "no peer has the AE title MVI-ACCEPT"),
        ({"return_to_sender": True}, "peer us may not send"),
        ({"may_send": True}, "peer us gets no results"),
        ({"may_send": True, "return_to_sender": True, "port": 4242}, "not reached on port 11113"),
        ({"may_send": True, "return_to_sender": True}, ""),
        ({"may_send": True, "return_to_sender": True, "tls": True}, "peer us is reached over TLS"),
        ({"may_send": True, "receives_results": True}, ""),
    ],
)
def test_peer_when_the_configuration_lacks_something_then_the_command_is_told(
    peer: dict[str, object] | None, said: str
) -> None:
    own = {"name": "us", "ae_title": OWN.ae_title, "host": OWN.host, "port": OWN.port}
    other = {"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104, "receives_results": True}
    tls = {"certificate": "c.pem", "key": "k.pem", "authority": "a.pem"}
    settings = Settings.model_validate(
        {"tls": tls, "peers": [other, *([] if peer is None else [{**own, **peer}])]}
    )
    assert other_receivers(settings, OWN) == ["pacs"]
    if not said:
        check_settings(settings, NODE, OWN, ())
        return
    with pytest.raises(PeerRefusedError, match=said) as caught:
        check_settings(settings, NODE, OWN, ("--config", "a b.toml"))
    command = (
        "mvi-node peers add acceptance --ae-title MVI-ACCEPT --host 127.0.0.1 --port 11113 "
        "--may-send --return-to-sender --config 'a b.toml'"
    )
    assert command in str(caught.value)
    removing = "`mvi-node peers remove us --config 'a b.toml'`, then `mvi-node peers add"
    assert (removing in str(caught.value)) is (peer is not None)
