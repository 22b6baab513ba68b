from pathlib import Path

import pytest

from node.audit import alerts as module
from node.audit.alerts import ELSEWHERE, QUIET_S, Alerts
from node.audit.trail import Trail
from tests.unit.node.doubles import FakeClock


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path)


@pytest.fixture
def alerts(trail: Trail, clock: FakeClock) -> Alerts:
    return Alerts(trail, "MVINODE", clock, clock.monotonic_s)


def test_rejection_when_it_repeats_then_one_event_a_minute_counts_the_rest(
    alerts: Alerts, trail: Trail, clock: FakeClock
) -> None:
    for _ in range(5000):
        alerts.rejected("EVIL", "10.0.0.66", "calling_ae_title_not_recognised")
    clock.advance(QUIET_S)
    alerts.rejected("EVIL", "10.0.0.66", "calling_ae_title_not_recognised")
    first, second = trail.records()
    assert first["detail"] == "association rejected: calling ae title not recognised"
    assert "4999 more" in second["detail"]


def test_rejection_when_of_another_reason_then_it_is_told_by_itself(alerts: Alerts, trail: Trail) -> None:
    alerts.rejected("A", "10.0.0.66", "local_limit_exceeded")
    alerts.rejected("A", "10.0.0.66", "called_ae_title_not_recognised")
    assert len(list(trail.records())) == 2


def test_rejections_when_from_more_hosts_than_are_told_apart_then_they_share_an_event(
    alerts: Alerts, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAXIMUM_KINDS", 10)
    for number in range(500):
        alerts.rejected("A", f"10.0.1.{number}", "calling_ae_title_not_recognised")
    records = list(trail.records())
    assert len(records) == 11
    assert records[-1]["participants"][0]["host"] == ELSEWHERE


def test_rejection_when_doctor_asks_on_this_machine_then_is_no_alert(alerts: Alerts, trail: Trail) -> None:
    alerts.rejected("MVINODE ", "127.0.0.1", "calling_ae_title_not_recognised")
    assert list(trail.records()) == []
    alerts.rejected("MVINODE", "10.0.0.66", "calling_ae_title_not_recognised")
    assert len(list(trail.records())) == 1
