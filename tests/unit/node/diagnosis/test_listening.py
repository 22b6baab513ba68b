import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.errors import ConfigError
from config.examining import Examined
from config.loading import load_settings
from config.sections.node import NodeSection, TlsSection
from config.settings import Settings
from node.cli import app
from node.diagnosis.doctor import examine
from node.diagnosis.finding import Verdict
from node.diagnosis.listening import is_loopback, shut_out
from node.reception.settings import scp_settings

FILES = {"certificate": "c.pem", "key": "k.pem", "authority": "a.pem"}


def configured(host: str, *peers: dict[str, object]) -> Settings:
    given = [{"name": f"p{number}", "ae_title": f"P{number}", **peer} for number, peer in enumerate(peers)]
    return Settings.model_validate({"node": {"host": host}, "peers": given})


def test_node_when_nothing_is_set_then_listens_on_loopback_alone() -> None:
    assert is_loopback(scp_settings(Settings()).host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - compared, not bound
        ("::", False),
        ("10.0.0.5", False),
        ("pacs", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback_when_named_by_address_or_name_then_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("tls", "opens"),
    [
        ({}, True),
        (FILES, False),
        ({**FILES, "plain": True}, True),
        ({**FILES, "plain": "true"}, True),
        ({**FILES, "plain": False}, False),
        ({"plain": "auto"}, True),
        ({"plain": True}, True),
    ],
)
def test_plain_when_tls_is_set_up_then_is_closed_unless_asked_for(tls: dict[str, object], opens: bool) -> None:
    assert TlsSection.model_validate(tls).opens_plain is opens


def test_plain_when_ruled_out_without_tls_then_the_start_is_refused() -> None:
    with pytest.raises(ConfigError, match="plain = false leaves TLS only"):
        load_settings(None, {"MVI_NODE_TLS__PLAIN": "false"})


def test_plain_when_no_such_word_then_named_once() -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(None, {"MVI_NODE_TLS__PLAIN": "perhaps"})
    (problem,) = refused.value.problems
    assert problem.startswith("tls.plain: ")
    assert "'auto'" in problem


def test_shut_out_when_a_sender_is_elsewhere_then_it_is_named_with_what_to_set() -> None:
    said = shut_out(configured("127.0.0.1", {"host": "10.0.0.5", "may_send": True}, {"host": "127.0.0.1"}))
    assert "(p0)" in said
    assert "node.host" in said
    assert "0.0.0.0" in said  # noqa: S104 - compared, not bound


def test_shut_out_when_there_are_many_then_three_are_named() -> None:
    many: list[dict[str, object]] = [{"host": f"10.0.0.{number}"} for number in range(1, 6)]
    said = shut_out(configured("::1", *many))
    assert "(p0, p1, p2 and 2 more)" in said


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("10.0.0.4", {"host": "10.0.0.5", "may_send": True}),
        ("127.0.0.1", {"host": "localhost", "may_send": True}),
        # It gets results over the web and never calls.
        ("127.0.0.1", {"host": "pacs", "receives_results": True, "dicomweb_url": "https://pacs/dicom-web"}),
    ],
)
def test_shut_out_when_everybody_reaches_the_node_then_nothing_is_said(host: str, peer: dict[str, object]) -> None:
    assert not shut_out(configured(host, peer))


def test_check_when_peers_are_shut_out_then_advises_and_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(
        '[[peers]]\nname = "ct"\nae_title = "CT"\nhost = "10.0.0.5"\nmay_send = true\n', encoding="utf-8"
    )
    result = CliRunner().invoke(app, ["config", "check", "--json", "--config", str(path)])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["valid"] is True
    (advice,) = document["advice"]
    assert "(ct)" in advice
    assert advice in result.stderr


def test_add_when_the_new_peer_is_shut_out_then_it_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text("[node]\n", encoding="utf-8")
    peer = ["--ae-title", "CT", "--host", "10.0.0.5", "--may-send", "--config", str(path)]
    result = CliRunner().invoke(app, ["peers", "add", "ct", *peer])
    assert result.exit_code == 0
    assert "cannot reach it (ct)" in result.stderr


def test_doctor_when_peers_are_shut_out_then_the_port_is_a_warning(tmp_path: Path) -> None:
    node = NodeSection(storage=tmp_path, minimum_free_bytes=1, port=0)
    peers = configured("127.0.0.1", {"host": "192.0.2.1", "may_send": True}).peers
    finding = next(item for item in examine(Examined(Settings(node=node, peers=peers), ())) if item.name == "port")
    assert finding.verdict is Verdict.WARNING
    assert "(p0)" in finding.detail


def test_doctor_when_only_tls_is_open_then_the_plain_port_is_called_closed(tmp_path: Path) -> None:
    node = NodeSection(storage=tmp_path, minimum_free_bytes=1)
    tls = TlsSection.model_validate({**FILES, "port": 2763})
    finding = next(item for item in examine(Examined(Settings(node=node, tls=tls), ())) if item.name == "port")
    assert finding.verdict is Verdict.OK
    assert "closed" in finding.detail
    assert "2763" in finding.detail
