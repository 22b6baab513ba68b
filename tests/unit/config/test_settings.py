"""Settings: defaults, the commented file, every error at once, environment."""

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from config.errors import ConfigError, WrongKeyError
from config.examining import examine_document
from config.loading import load_settings, validated
from config.origins import effective_keys
from config.sections.peers import Peer
from config.settings import Settings

NODE_TOML = files("config").joinpath("node.toml").read_text(encoding="utf-8")


def test_default_file_when_read_then_equals_built_in_defaults() -> None:
    assert Settings.model_validate(tomllib.loads(NODE_TOML)) == Settings()


def test_default_file_when_compared_with_settings_then_names_every_key() -> None:
    for section, model in Settings():
        assert isinstance(model, BaseModel) or section == "peers"
        if isinstance(model, BaseModel):
            body = re.split(r"^\[", NODE_TOML.split(f"\n[{section}]\n")[1], flags=re.MULTILINE)[0]
            for key in type(model).model_fields:
                assert re.search(rf"^(# )?{key} = .*#", body, flags=re.MULTILINE), f"{section}.{key}"


def test_every_field_when_inspected_then_has_a_description() -> None:
    for _, model in Settings():
        if isinstance(model, BaseModel):
            assert all(field.description for field in type(model).model_fields.values())


def test_load_when_several_keys_are_wrong_then_one_error_names_all(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(
        '[node]\nport = 99999\nstorage = 5\nae_titel = "X"\n[completion]\nsettle_s = -1\n[nodes]\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {"MVI_NODE_PORT": "1"})
    message = str(caught.value)
    for key in (
        "node.port",
        "node.storage: must be a path, in quotes",
        "node.ae_titel: unknown key",
        "completion.settle_s",
        "nodes: unknown key",
        "MVI_NODE_PORT",
    ):
        assert key in message


def test_load_when_environment_sets_a_key_then_it_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text("[node]\nport = 4000\n", encoding="utf-8")
    environment = {"MVI_NODE_CONFIG": str(path), "MVI_NODE_NODE__PORT": "11113"}
    settings = load_settings(None, environment)
    assert settings.node.port == 11113
    origins = {item.key: item.origin for item in effective_keys(settings, None, environment)}
    assert origins["node.port"] == "MVI_NODE_NODE__PORT"
    assert origins["node.host"] == "default"


def test_load_when_the_named_file_is_absent_then_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="config init"):
        load_settings(tmp_path / "absent.toml", {})


def test_load_when_toml_is_broken_then_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text("[node\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"node\.toml is not valid TOML"):
        load_settings(path, {})


def test_peers_when_two_share_a_name_then_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    peer = '[[peers]]\nname = "pacs"\nae_title = "A"\nhost = "h"\n'
    path.write_text(peer + peer, encoding="utf-8")
    with pytest.raises(ConfigError, match="same name: pacs"):
        load_settings(path, {})


def test_dask_engine_when_no_scheduler_is_named_then_refused() -> None:
    with pytest.raises(ConfigError, match="needs scheduler"):
        load_settings(None, {"MVI_NODE_COMPUTE__ENGINE": "dask"})


def test_receiving_peer_when_its_port_is_0_then_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    peer = '[[peers]]\nname = "pacs"\nae_title = "A"\nhost = "h"\nport = 0\nreceives_results = true\n'
    path.write_text(peer, encoding="utf-8")
    with pytest.raises(ConfigError, match="peer pacs receives results"):
        load_settings(path, {})


def test_effective_keys_when_the_ledger_has_a_password_then_it_is_hidden() -> None:
    environment = {"MVI_NODE_LEDGER__URL": "postgresql+psycopg://mvi:s3cret@db.example/ledger"}
    shown = {item.key: item.value for item in effective_keys(load_settings(None, environment), None, environment)}
    assert shown["ledger.url"] == "postgresql+psycopg://mvi:***@db.example/ledger"


PEER_TABLE = '[[peers]]\nname = "p"\nae_title = "A"\nhost = "h"\n'


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", " a", ""])
def test_peer_when_its_name_is_not_one_printable_line_then_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Peer(name=name, ae_title="A", host="h")


@pytest.mark.parametrize("host", ["h\n", "a b", "", "http://h", "h/", "-h\x00"])
def test_peer_when_its_host_is_no_host_then_is_refused(host: str) -> None:
    with pytest.raises(ValidationError):
        Peer(name="a", ae_title="A", host=host)


@pytest.mark.parametrize(
    "host", ["10.0.0.5", "pacs_1.example.org", "2001:db8::7", "fe80::1%eth0", "röntgen.example"]
)
def test_peer_when_its_host_is_a_name_or_an_address_then_is_taken(host: str) -> None:
    assert Peer(name="PACS, Ürün 漢", ae_title="A", host=host).host == host


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[ledger]\nurl = "mysql://x"', "ledger.url: must be empty, or begin with sqlite:///"),
        ('[notify]\nmail_to = "a@example.org"', "notify: mail_to needs smtp_host"),
        ('[notify]\nwebhook_url = "ftp://x"', "notify.webhook_url: must be an address that begins with http"),
        ('[tls]\ncertificate = "a.pem"', "tls: TLS needs certificate, key and authority"),
        ('[tls]\nplain = "no"', "'auto', true or false"),
        ("node = 3", "node: must be a table of keys"),
        ('[node]\nstorage = ""', "node.storage: must name a folder"),
        ('[node]\nhost = "not an ip"', "node.host: must be a host name or an address"),
        ('[labs]\nhost = ""', "labs.host: must be a host name or an address"),
        ('[compute]\nscheduler = "nonsense"', "compute.scheduler: must be an address such as tcp://host:8786"),
        ("peers = 3", "peers: must be a list, in brackets; peers are written as [[peers]]"),
        (f"{PEER_TABLE}outputs = []", "peers.0.outputs: must not be empty"),
        (f'{PEER_TABLE}dicomweb_url = "x"', "peers.0.dicomweb_url: must be an address that begins with http"),
        (f'{PEER_TABLE}dicomweb_url = "http://x/"', "peers.0.dicomweb_url: must not end with a slash"),
    ],
)
def test_load_when_a_value_is_wrong_then_is_said_in_the_words_of_an_operator(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "node.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"watch": {"port": 11112}}, "node.port and watch.port are both 11112: give each a port of its own"),
        (
            {"watch": {"host": "::", "port": 2575}, "labs": {"host": "10.0.0.4", "port": 2575}},
            "watch.port and labs.port are both 2575",
        ),
        ({"labs": {"port": 2575, "tls_port": 2575}}, "labs.port and labs.tls_port are both 2575"),
    ],
)
def test_settings_when_two_listen_on_one_port_then_both_are_named(document: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in examine_document(document).problems)


@pytest.mark.parametrize(
    "document",
    [
        {"watch": {"host": "10.0.0.4", "port": 11112}},
        {"watch": {"port": 2762}},  # Without TLS nothing listens there.
        {"node": {"port": 0}, "watch": {"port": 0}},
    ],
)
def test_settings_when_ports_or_interfaces_differ_then_they_fit(document: dict[str, Any]) -> None:
    assert examine_document(document).problems == ()


def test_load_when_an_editor_put_a_mark_before_the_file_then_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text("[node]\nport = 4711\n", encoding="utf-8-sig")
    assert load_settings(path, {}).node.port == 4711


def test_load_when_a_folder_is_named_then_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        load_settings(tmp_path, {})


def test_settings_when_several_sections_do_not_fit_then_every_misfit_is_named() -> None:
    document = {
        "audit": {"syslog_host": "siem"},
        "retention": {"images_days": 1},
        "labs": {"labs_wait_h": 72},
        "completion": {"deadline_s": 200_000},
        "peers": [{"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104, "tls": True}] * 2,
    }
    with pytest.raises(ConfigError) as raised:
        validated(document)
    told = ("same name: pacs", "labs.labs_wait_h", "completion.deadline_s", "audit.authority", "certificate, key")
    assert len(raised.value.problems) == len(told)
    assert all(words in problem for words, problem in zip(told, raised.value.problems, strict=True))
    assert all(problem.startswith("settings: ") for problem in raised.value.problems)


PEER = {"name": "pacs", "ae_title": "PACS", "host": "h"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"node": {"port": "x"}, "audit": {"syslog_host": "siem"}},
            ["node.port: ", "settings: audit.syslog_host needs"],
        ),
        (
            {"tls": {"port": -1, "certificate": "a.pem"}, "labs": {"tls_port": 1}},
            ["tls.port: ", "tls: TLS needs", "labs: tls_port needs"],
        ),
        (
            {"notify": {"smtp_host": "h", "smtp_user": "u", "smtp_port": 10**6}},
            ["notify.smtp_port: ", "notify: smtp_host needs", "notify: smtp_user needs smtp_password_file"],
        ),
        (
            {"peers": [PEER | {"port": "x"}, PEER | {"tls": True}, PEER | {"name": "b", "tls": 7}, 3]},
            ["peers.0.port: ", "peers.2.tls: ", "peers.3: must be", "same name: pacs", "authority: pacs"],
        ),
        ({"node": 3, "compute": {"engine": "dask"}}, ["node: must be a table", "compute: engine"]),
        (
            {"peers": [{"port": 0, "receives_results": True}, PEER | {"port": 0, "receives_results": True}]},
            ["peers.0.name", "peers.0.ae_title", "peers.0.host", "peers.0: peer peers.0", "peers.1: peer pacs"],
        ),
        (
            {"model": {"trusted_keys": [3], "require_signature": True}, "labs": {"fhir_url": "x", "tls_port": 7}},
            ["model.trusted_keys.0", "labs.fhir_url: must be an address", "labs: tls_port needs"],
        ),
    ],
)
def test_settings_when_values_and_misfits_are_wrong_then_one_error_names_all(
    document: dict[str, object], told: list[str]
) -> None:
    with pytest.raises(ConfigError) as raised:
        validated(document)
    problems = raised.value.problems
    assert len(problems) == len(told), problems
    assert all(words in problem for words, problem in zip(told, problems, strict=True)), problems


def test_settings_when_a_rule_needs_a_key_that_is_wrong_then_it_says_nothing() -> None:
    # With the default in place of the wrong value, 24 h, the images would go too early.
    with pytest.raises(ConfigError) as raised:
        validated({"retention": {"images_days": 0.5}, "labs": {"labs_wait_h": "a day"}})
    assert [problem.split(":")[0] for problem in raised.value.problems] == ["labs.labs_wait_h"]


def test_examined_when_a_key_is_wrong_then_the_others_are_right_and_to_ask_for_it_is_an_error() -> None:
    examined = examine_document(
        {"node": {"port": "x", "ae_title": "ME"}, "watch": 3, "peers": [PEER | {"host": ""}]}
    )
    assert examined.settings.node.ae_title == "ME"
    assert examined.settings.peers[0].name == "pacs"
    asked: tuple[Callable[[Settings], object], ...] = (
        lambda settings: settings.node.port,
        lambda settings: settings.watch,
        lambda settings: settings.peers[0].host,
    )
    for ask in asked:
        with pytest.raises(WrongKeyError):
            ask(examined.settings)
    assert Settings().watch.port == 0
