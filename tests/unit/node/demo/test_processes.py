"""The programs around the demonstration, when one of them dies."""

import multiprocessing
import time
from pathlib import Path

from config.loading import load_settings
from config.sections.compute import ModelSection
from config.settings import Settings
from node.demo.processes import STOP_S, configuration_text, free_port, running_archive


def test_archive_when_killed_then_it_is_seen_and_the_block_still_ends(tmp_path: Path) -> None:
    with running_archive(tmp_path / "pacs", free_port()) as (port, is_alive):
        assert port > 0
        assert is_alive()
        (process,) = [child for child in multiprocessing.active_children() if child.name == "pacs"]
        process.kill()
        process.join(STOP_S)
        assert not is_alive()
        began_s = time.monotonic()
    assert time.monotonic() - began_s < STOP_S


def test_configuration_when_a_site_is_named_then_its_model_and_rules_are_used_and_nothing_else(
    tmp_path: Path,
) -> None:
    site = Settings.model_validate(
        {
            "node": {"storage": str(tmp_path / "site"), "port": 104},
            "matching": {"rules": "site.toml"},
            "model": {"active": "hospital"},
            "peers": [{"name": "real", "ae_title": "REAL", "host": "pacs", "port": 104, "receives_results": True}],
        }
    )
    path = tmp_path / "node.toml"
    path.write_text(configuration_text(tmp_path, 11112, 11113, site), encoding="utf-8")
    used = load_settings(path, {})
    assert used.model == ModelSection(active="hospital", folder=tmp_path / "site" / "models")
    assert used.matching.rules == str(Path("site.toml").resolve())
    assert {peer.name for peer in used.peers} == {"scanner", "pacs"}
    assert (used.node.storage, used.node.port) == (tmp_path / "node", 11112)
