from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from config.errors import ConfigError
from config.sections.node import NodeSection
from config.sections.watch import AuditSection
from config.settings import Settings
from node.audit.follower import Follower
from node.audit.recorder import Recorder
from node.audit.trail import Trail
from node.ledger.changes import SETTLE
from node.ledger.ledger import Ledger
from tests.unit.node.doubles import FakeClock, instance


def settings(storage: Path, port: int = 104, **sections: object) -> Settings:
    return Settings.model_validate({"node": NodeSection(storage=storage, port=port), **sections})


def types(storage: Path) -> list[str]:
    return [record["type"] for record in Trail(storage).records()]


def test_node_when_started_and_stopped_then_both_are_in_the_trail(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    recorder = Recorder(settings(tmp_path), ledger, clock)
    recorder.started()
    recorder.tick()
    recorder.stopped()
    assert types(tmp_path) == ["START", "STOP"]


def test_node_when_it_stops_then_what_was_done_a_moment_ago_is_written_first(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    recorder = Recorder(settings(tmp_path), ledger, clock)
    recorder.started()
    ledger.record_instance(instance(clock))
    clock.advance(SETTLE.total_seconds() + 1)
    recorder.stopped()
    written = types(tmp_path)
    assert written[0] == "START"
    assert written[-1] == "STOP"
    assert len(written) == 3


def test_node_when_its_ledger_is_away_then_that_it_stops_is_written_all_the_same(
    tmp_path: Path, ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(settings(tmp_path), ledger, clock)

    def away(*_: object) -> None:
        raise OperationalError("select", {}, OSError("away"))

    monkeypatch.setattr(Follower, "follow", away)
    recorder.stopped()
    assert types(tmp_path) == ["STOP"]


def test_node_when_started_with_other_settings_then_an_alert_says_so(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    for port in (104, 104, 11112):
        Recorder(settings(tmp_path, port), ledger, clock).started()
    assert types(tmp_path) == ["START", "START", "START", "SOFTWARE_CONFIGURATION"]


def test_repository_when_its_authority_is_unreadable_then_the_key_is_named(
    tmp_path: Path, ledger: Ledger, clock: FakeClock
) -> None:
    audit = AuditSection(syslog_host="audit.example", authority=str(tmp_path / "absent.pem"))
    with pytest.raises(ConfigError, match=r"audit\.authority"):
        Recorder(settings(tmp_path, audit=audit), ledger, clock)


def test_repository_when_named_without_an_authority_then_the_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"audit\.syslog_host needs audit\.authority"):
        settings(tmp_path, audit=AuditSection(syslog_host="audit.example"))
