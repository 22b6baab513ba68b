from datetime import timedelta

import pytest

from node.ledger.ledger import Ledger
from node.ledger.recovery import LONGEST_LEASE_S, MAXIMUM_LOST_LEASES, Recovery
from node.ledger.rows import LostClaimError
from node.ledger.waiting import LONGEST_RETRY_S
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, take


def test_recover_when_the_lease_ran_out_then_another_may_claim(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    lost = take(ledger, "first")
    assert ledger.recovery.recover() == 0
    clock.advance(61)
    assert ledger.recovery.recover() == 1
    assert take(ledger, "second").attempt == 2
    with pytest.raises(LostClaimError):
        ledger.work.renew(lost, 60)


@pytest.mark.parametrize("ahead_s", [-7200, 7200])
def test_recover_when_the_clock_of_the_other_node_differs_then_only_a_lease_that_nobody_renews_ends(
    ledger: Ledger, clock: FakeClock, ahead_s: int
) -> None:
    elsewhere = FakeClock()
    elsewhere.now += timedelta(seconds=ahead_s)
    watching = Recovery(ledger.engine, elsewhere, elsewhere.monotonic_s)
    make_ready(ledger, clock)
    claim = take(ledger)
    for second in range(0, 600, 5):
        if second % (LONGEST_LEASE_S / 4) == 0:  # As a worker does.
            claim = ledger.work.renew(claim, LONGEST_LEASE_S)
        assert watching.recover() == 0
        clock.advance(5)
        elsewhere.advance(5)
    freed_after_s = 0
    while not watching.recover():
        elsewhere.advance(5)
        freed_after_s += 5
    assert freed_after_s <= LONGEST_LEASE_S


def test_recover_when_the_owner_is_known_dead_then_does_not_wait(ledger: Ledger, clock: FakeClock) -> None:
    make_ready(ledger, clock)
    take(ledger, "dead")
    assert ledger.recovery.recover(lambda owner: owner == "living") == 0
    assert ledger.recovery.recover(lambda owner: owner == "dead") == 1
    assert ledger.studies.get(STUDY).state is StudyState.READY


def test_recover_when_a_study_always_takes_its_worker_down_then_is_parked(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    for _ in range(MAXIMUM_LOST_LEASES):
        take(ledger)
        ledger.recovery.recover(lambda _: True)
    study = ledger.studies.get(STUDY)
    assert (study.state, study.code) == (StudyState.FAILED, "LOST")


@pytest.mark.parametrize("step_s", [-7200, 7200])
def test_recover_when_the_time_of_day_is_set_then_a_lease_lasts_as_long_as_ever(
    ledger: Ledger, clock: FakeClock, step_s: int
) -> None:
    make_ready(ledger, clock)
    claim = take(ledger)
    assert ledger.recovery.recover() == 0
    clock.now += timedelta(seconds=step_s)
    clock.advance(30)
    assert ledger.recovery.recover() == 0
    ledger.work.renew(claim, 60)
    clock.advance(59)
    assert ledger.recovery.recover() == 0
    clock.advance(60)
    assert ledger.recovery.recover() == 1


@pytest.mark.parametrize("step_s", [-7200, 7200])
def test_wake_when_the_time_of_day_is_set_then_a_back_off_lasts_as_long_as_ever(
    ledger: Ledger, clock: FakeClock, step_s: int
) -> None:
    make_ready(ledger, clock)
    ledger.work.give_up(take(ledger), Event.UNAVAILABLE, code="X", message="away", retry_in_s=30)
    assert ledger.recovery.wake() == 0
    clock.now += timedelta(seconds=step_s)
    clock.advance(29)
    assert ledger.recovery.wake() == 0
    clock.advance(1)
    assert ledger.recovery.wake() == 1


def test_wake_when_the_time_of_day_was_set_before_it_looked_then_no_wait_is_longer_than_the_longest(
    ledger: Ledger, clock: FakeClock
) -> None:
    make_ready(ledger, clock)
    ledger.work.give_up(take(ledger), Event.UNAVAILABLE, code="X", message="away", retry_in_s=30)
    clock.now -= timedelta(days=365)
    assert ledger.recovery.wake() == 0
    clock.advance(LONGEST_RETRY_S)
    assert ledger.recovery.wake() == 1
