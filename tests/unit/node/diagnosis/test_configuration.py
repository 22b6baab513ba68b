"""Every problem of what a configuration names, in one look."""

from pathlib import Path

from config.examining import examine_document
from config.settings import Settings
from node.diagnosis.configuration import what_is_named


def test_problems_when_several_files_are_missing_then_all_are_named() -> None:
    absent = {
        "matching": {"rules": "/absent-rules.toml"},
        "labs": {"analytes": "/absent-analytes.toml"},
        "audit": {"syslog_host": "loopback", "authority": "/absent-authority.pem"},
        "model": {"trusted_keys": ["/absent-key.pem"]},
    }
    problems = what_is_named(Settings.model_validate(absent))
    assert len(problems) == 4
    for name, problem in zip(
        ("absent-rules", "absent-analytes", "absent-authority", "absent-key"), problems, strict=True
    ):
        assert name in problem


def test_problems_when_keys_are_wrong_too_then_the_files_of_the_others_are_looked_at() -> None:
    document = {
        "node": {"port": "x"},
        "notify": 3,
        "matching": {"rules": "/absent-rules.toml"},
        "model": {"require_signature": "perhaps", "trusted_keys": ["/absent-key.pem"]},
    }
    problems = what_is_named(examine_document(document).settings)
    assert ["absent-rules" in problems[0], "absent-key" in problems[1]] == [True, True]
    assert len(problems) == 2


def test_problems_when_nothing_is_wrong_then_there_are_none(tmp_path: Path) -> None:
    assert what_is_named(Settings.model_validate({"node": {"storage": str(tmp_path)}})) == []
