from pathlib import Path

from node.ledger.ledger import Ledger
from node.watch.health import (
    PULSE_TIMEOUT_S,
    Dependency,
    Health,
    ledger_check,
    peers_check,
    running_check,
    storage_check,
)
from tests.unit.node.doubles import FakeClock


def test_live_when_the_scheduler_stops_ticking_then_not_any_more(clock: FakeClock) -> None:
    health = Health({}, clock.monotonic_s)
    clock.advance(PULSE_TIMEOUT_S - 1)
    assert health.live().ok
    clock.advance(2)
    assert not health.live().ok
    health.pulse()
    assert health.live().ok


def test_ready_when_one_dependency_fails_then_it_alone_is_marked(clock: FakeClock) -> None:
    health = Health({"a": lambda: Dependency(True, ""), "b": lambda: Dependency(False, "gone")}, clock.monotonic_s)
    assert {name: item.ok for name, item in health.ready().items()} == {"a": True, "b": False}


def test_storage_when_less_is_free_than_needed_then_not_ready(tmp_path: Path) -> None:
    assert storage_check(tmp_path, 1)().ok
    assert not storage_check(tmp_path, 10**18)().ok
    assert "cannot be used" in storage_check(tmp_path / "absent", 1)().detail


def test_ledger_when_it_cannot_be_read_then_not_ready(ledger: Ledger, tmp_path: Path) -> None:
    check = ledger_check(ledger)
    assert check() == Dependency(True, "0 studies")
    ledger.close()
    (tmp_path / "ledger.sqlite").write_bytes(b"no database")
    assert not check().ok


def test_part_when_it_does_not_run_then_the_log_is_pointed_to() -> None:
    assert running_check("the receiver", lambda: True)().ok
    assert "log" in running_check("the receiver", lambda: False)().detail


def test_peers_when_one_is_away_then_it_is_told_and_the_node_stays_ready(ledger: Ledger) -> None:
    check = peers_check(ledger, ["pacs", "archive", "new"])
    ledger.contacts.reached("pacs")
    ledger.contacts.failed("archive", "nobody answers", retry_in_s=1.0, parked=False)
    assert check() == Dependency(
        True, "pacs: reached; archive: not reached, its results wait; new: not contacted yet"
    )
    ledger.close()
    assert check().ok
