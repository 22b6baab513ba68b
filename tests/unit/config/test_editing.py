"""Peers in the configuration file: comments stay, a wrong value writes nothing."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from config.editing import add_peer, remove_peer, set_active_model
from config.errors import ConfigError
from config.loading import load_settings

PACS = {"name": "pacs", "ae_title": "ORTHANC", "host": "10.0.0.5", "port": 4242, "receives_results": True}
TEXT = """\
# The node of site A.
[node]
ae_title = "SITE_A"   # agreed with radiology

# The old PACS.
[[peers]]
name = "old"
ae_title = "OLD"
host = "10.0.0.4"     # basement

# The scanner.
[[peers]]
name = "scanner"
ae_title = "MR1"
host = "10.0.0.6"
may_send = true

[completion]
settle_s = 30.0       # the scanner is slow
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)
    return path


def test_add_when_the_peer_is_right_then_it_is_appended_and_nothing_else_changes(path: Path) -> None:
    settings = add_peer(path, {**PACS, "outputs": ["sr", "summary"]})
    assert path.read_text(encoding="utf-8").startswith(TEXT)
    assert [peer.name for peer in settings.peers] == ["old", "scanner", "pacs"]
    assert load_settings(path, {}) == settings
    assert settings.peers[2].outputs == ("sr", "summary")
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "text", ["", "[node]\nport = 11112", files("config").joinpath("node.toml").read_text("utf-8")]
)
def test_add_when_the_file_has_no_peer_yet_then_it_gets_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(text, encoding="utf-8")
    assert [peer.name for peer in add_peer(path, PACS).peers] == ["pacs"]
    assert path.read_text(encoding="utf-8").startswith(text)


def test_add_when_values_are_wrong_then_all_are_named_and_nothing_is_written(path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        add_peer(path, {**PACS, "ae_title": "A NAME THAT IS TOO LONG", "port": 99_999, "colour": "red"})
    for key in ("peers.2.ae_title", "peers.2.port", "peers.2.colour: unknown key"):
        assert key in str(caught.value)
    assert path.read_text(encoding="utf-8") == TEXT


def test_add_when_the_name_is_taken_then_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^settings: peers with the same name: old"):
        add_peer(path, {**PACS, "name": "old"})
    assert path.read_text(encoding="utf-8") == TEXT


def test_remove_when_the_peer_is_known_then_only_its_table_goes(path: Path) -> None:
    settings = remove_peer(path, "old")
    assert [peer.name for peer in settings.peers] == ["scanner"]
    text = path.read_text(encoding="utf-8")
    assert set(TEXT.splitlines()) - set(text.splitlines()) == {
        'name = "old"',
        'ae_title = "OLD"',
        'host = "10.0.0.4"     # basement',
    }
    assert "# The scanner.\n[[peers]]" in text


def test_remove_when_every_peer_goes_then_the_rest_of_the_file_stays(path: Path) -> None:
    for name in ("scanner", "old"):
        remove_peer(path, name)
    assert tomllib.loads(path.read_text(encoding="utf-8")).keys() == {"node", "completion"}


def test_remove_when_the_peer_was_just_added_then_the_file_is_as_before(path: Path) -> None:
    add_peer(path, PACS)
    remove_peer(path, "pacs")
    assert path.read_text(encoding="utf-8").rstrip() == TEXT.rstrip()


def test_remove_when_the_peer_is_unknown_then_the_known_are_named(path: Path) -> None:
    with pytest.raises(ConfigError, match="no peer pacs; it has: old, scanner"):
        remove_peer(path, "pacs")


@pytest.mark.parametrize("change", [lambda path: add_peer(path, PACS), lambda path: remove_peer(path, "a")])
def test_edit_when_peers_are_written_as_a_list_then_asks_for_a_hand(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "node.toml"
    text = 'peers = [{name = "a", ae_title = "A", host = "h"}]\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="edit them by hand"):
        change(path)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[model]\nactive = "new"\n'),
        ("[node]\nport = 1\n", '[node]\nport = 1\n\n[model]\nactive = "new"\n'),
        ('[model]\nactive = "phantom-demo"  # why\n', '[model]\nactive = "new"           # why\n'),
        ('[model]\n# active\nfolder = "x"\n', '[model]\nactive = "new"\n# active\nfolder = "x"\n'),
    ],
)
def test_set_active_model_changes_one_line_and_keeps_the_rest(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(before, encoding="utf-8")
    assert set_active_model(path, "new").model.active == "new"
    assert path.read_text(encoding="utf-8") == after


def test_set_active_model_where_the_table_is_written_otherwise_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('model = {active = "old"}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="edit it by hand"):
        set_active_model(path, "new")
    assert path.read_text(encoding="utf-8") == 'model = {active = "old"}\n'
