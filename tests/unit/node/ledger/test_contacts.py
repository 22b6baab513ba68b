from datetime import timedelta

import pytest

from node.ledger.contacts import LONGEST_HOLD_S, Contacts
from node.ledger.ledger import Ledger
from tests.unit.node.doubles import FakeClock


def test_hold_when_the_peer_failed_then_lasts_until_its_time(ledger: Ledger, clock: FakeClock) -> None:
    assert not ledger.contacts.is_on_hold("pacs")
    ledger.contacts.failed("pacs", "away", retry_in_s=30)
    ledger.contacts.failed("archive", "away", retry_in_s=60)
    clock.advance(30)
    assert not ledger.contacts.is_on_hold("pacs")
    assert ledger.contacts.is_on_hold("archive")


@pytest.mark.parametrize("step_s", [-7200, 400 * 86_400])
def test_hold_when_the_time_of_day_is_set_then_lasts_as_long_as_ever(
    ledger: Ledger, clock: FakeClock, step_s: int
) -> None:
    ledger.contacts.failed("pacs", "away", retry_in_s=30)
    clock.now += timedelta(seconds=step_s)
    clock.advance(29)
    assert ledger.contacts.is_on_hold("pacs")
    clock.advance(1)
    assert not ledger.contacts.is_on_hold("pacs")


def test_hold_when_another_process_reached_the_peer_then_is_over_whatever_its_clock_says(
    ledger: Ledger, clock: FakeClock
) -> None:
    ledger.contacts.failed("pacs", "away", retry_in_s=30)
    assert ledger.contacts.is_on_hold("pacs")
    elsewhere = FakeClock()
    elsewhere.now += timedelta(days=1)
    Contacts(ledger.engine, elsewhere, elsewhere.monotonic_s).reached("pacs")
    assert not ledger.contacts.is_on_hold("pacs")


def test_hold_when_the_time_of_day_was_set_back_before_a_restart_then_is_not_longer_than_the_longest(
    ledger: Ledger, clock: FakeClock
) -> None:
    ledger.contacts.failed("pacs", "away", retry_in_s=30)
    clock.now -= timedelta(days=400)
    restarted = Contacts(ledger.engine, clock, clock.monotonic_s)
    assert restarted.is_on_hold("pacs")
    clock.advance(LONGEST_HOLD_S)
    assert not restarted.is_on_hold("pacs")
