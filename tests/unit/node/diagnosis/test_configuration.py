"""Every problem of what a configuration names, in one look."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings
from node.diagnosis.configuration import demand_what_is_named


def test_problems_when_several_files_are_missing_then_all_are_named() -> None:
    absent = {
        "matching": {"rules": "/absent-rules.toml"},
        "labs": {"analytes": "/absent-analytes.toml"},
        "audit": {"syslog_host": "loopback", "authority": "/absent-authority.pem"},
        "model": {"trusted_keys": ["/absent-key.pem"]},
    }
    with pytest.raises(ConfigError) as caught:
        demand_what_is_named(Settings.model_validate(absent))
    for name in ("absent-rules", "absent-analytes", "absent-authority", "absent-key"):
        assert name in str(caught.value)


def test_problems_when_nothing_is_wrong_then_there_are_none(tmp_path: Path) -> None:
    demand_what_is_named(Settings.model_validate({"node": {"storage": str(tmp_path)}}))
