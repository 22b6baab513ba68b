from datetime import timedelta

import pytest

from node.ledger.delivery_records import Confirmation, Delivery, DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.outbox import Outbox
from node.ledger.records import ObjectKind, ResultObject
from node.ledger.waiting import LONGEST_RETRY_S
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take
from tests.unit.node.ledger.deliveries import states, store_all


@pytest.fixture
def due(ledger: Ledger, clock: FakeClock) -> tuple[Delivery, ...]:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs", "archive"])
    return ledger.outbox.due("pacs")


def test_due_when_objects_wait_then_seg_comes_before_sr_before_summary(due: tuple[Delivery, ...]) -> None:
    assert [item.kind for item in due] == [ObjectKind.SEG, ObjectKind.SR, ObjectKind.SUMMARY]


def test_due_when_the_seg_backs_off_then_those_behind_it_wait(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    ledger.outbox.again(due[0], "no answer", 30)
    assert ledger.outbox.due("pacs") == ()
    clock.advance(30)
    later = ledger.outbox.due("pacs")
    assert [item.kind for item in later] == [ObjectKind.SEG, ObjectKind.SR, ObjectKind.SUMMARY]
    assert (later[0].attempts, later[0].error) == (1, "no answer")


def test_due_when_one_peer_is_served_then_the_other_still_waits(ledger: Ledger, due: tuple[Delivery, ...]) -> None:
    for item in due:
        ledger.outbox.stored(item)
    ledger.confirmations.confirmed(ledger.confirmations.uncommitted("pacs"), Confirmation.QUERY)
    assert states(ledger) == [DeliveryState.DELIVERED] * 3
    assert len(ledger.outbox.due("archive")) == 3
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING


def test_refused_when_a_peer_never_takes_it_then_the_study_is_undelivered(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    seg, *rest = due
    ledger.outbox.refused(seg, "SOP class not supported")
    for item in (*rest, *ledger.outbox.due("archive")):
        ledger.outbox.stored(item)
    for destination in ("pacs", "archive"):
        ledger.confirmations.confirmed(ledger.confirmations.uncommitted(destination), Confirmation.QUERY)
    assert ledger.studies.get(STUDY).state is StudyState.UNDELIVERED
    assert [item.error for item in ledger.outbox.open()] == ["SOP class not supported"]


def test_stored_when_a_later_result_superseded_it_then_stays_superseded(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    make_again(ledger, clock)
    ledger.outbox.stored(due[0])
    assert states(ledger).count(DeliveryState.SUPERSEDED) == 3


def make_again(ledger: Ledger, clock: FakeClock) -> None:
    ledger.record_instance(instance(clock, 2))
    assert ledger.work.complete(ledger.studies.get(STUDY), "test")
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(version="2"), destinations=["pacs"])


def test_due_when_studies_wait_then_the_oldest_goes_first(ledger: Ledger, clock: FakeClock) -> None:
    for study in (f"{STUDY}.9", f"{STUDY}.1"):
        make_ready(ledger, clock, study)
        ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(study), destinations=["pacs"])
    assert [item.study_instance_uid for item in ledger.outbox.due("pacs")] == [f"{STUDY}.9"] * 3 + [
        f"{STUDY}.1"
    ] * 3


def test_stored_when_the_peer_remarked_on_it_then_the_remark_stays_visible(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    ledger.outbox.stored(due[0], "0xB000, coercion of data elements")
    ledger.outbox.stored(due[1])
    for item in due[2:]:
        ledger.outbox.stored(item)
    ledger.confirmations.confirmed(ledger.confirmations.uncommitted("pacs"), Confirmation.QUERY)
    (remarked,) = ledger.outbox.remarked()
    assert (remarked.kind, remarked.state) == (ObjectKind.SEG, DeliveryState.DELIVERED)
    assert (remarked.warning, remarked.error) == ("0xB000, coercion of data elements", None)
    assert remarked.confirmed_by is Confirmation.QUERY


STEPS_S = [-7200, 400 * 86_400]


@pytest.mark.parametrize("step_s", STEPS_S)
@pytest.mark.parametrize("seen", [True, False])
def test_due_when_the_time_of_day_is_set_then_a_retry_waits_as_long_as_ever(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...], step_s: int, seen: bool
) -> None:
    ledger.outbox.again(due[0], "no answer", 30)
    if seen:
        assert ledger.outbox.due("pacs") == ()
    clock.now += timedelta(seconds=step_s)
    clock.advance(29)
    assert ledger.outbox.due("pacs") == ()
    clock.advance(1)
    assert len(ledger.outbox.due("pacs")) == 3


@pytest.mark.parametrize("step_s", STEPS_S)
def test_due_when_the_time_of_day_was_set_before_it_looked_then_what_is_fresh_goes_at_once(
    ledger: Ledger, clock: FakeClock, step_s: int
) -> None:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs"])
    clock.now += timedelta(seconds=step_s)
    assert len(ledger.outbox.due("pacs")) == 3


def test_due_when_the_time_of_day_was_set_back_before_a_restart_then_no_wait_is_longer_than_the_longest(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    ledger.outbox.again(due[0], "no answer", 30)
    clock.now -= timedelta(days=400)
    restarted = Outbox(ledger.engine, clock, clock.monotonic_s)
    assert restarted.due("pacs") == ()
    clock.advance(LONGEST_RETRY_S)
    assert len(restarted.due("pacs")) == 3


def test_replaced_when_the_same_result_comes_again_then_what_the_peer_has_is_not_sent_again(
    ledger: Ledger, clock: FakeClock
) -> None:
    simpler = ResultObject(ObjectKind.SR, "1.2.840.10008.5.1.4.1.1.88.33", f"{STUDY}.9.33", "results/1/sr.c.dcm")
    objects = [item for item in result_objects() if item.kind is ObjectKind.SR]
    make_ready(ledger, clock)
    for _ in range(2):
        ledger.work.finish(take(ledger), Event.ANALYSED, objects=objects, destinations=["pacs"])
        (report,) = ledger.outbox.due("pacs")
        ledger.outbox.replaced(report, simpler, "it takes no Comprehensive 3D SR")
        for item in ledger.outbox.due("pacs"):
            assert (item.sop_instance_uid, item.attempts) == (simpler.sop_instance_uid, 0)
            ledger.outbox.stored(item)
            ledger.confirmations.confirmed(ledger.confirmations.uncommitted("pacs"), Confirmation.QUERY)
        assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
        assert ledger.outbox.open() == ()
        ledger.work.ask_again(STUDY, "operator")

    events = [event.event for event in ledger.history(STUDY)]
    assert events.count("object-replaced") == 2
    assert events.count("object-stored") == 1


def test_open_when_a_later_result_was_delivered_then_what_was_refused_before_is_no_longer_told(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    for destination in ("pacs", "archive"):
        for item in ledger.outbox.due(destination):
            ledger.outbox.refused(item, "it takes nothing")
    assert len(ledger.outbox.open()) == 6
    ledger.work.ask_again(STUDY, "operator")
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(version="2"), destinations=["pacs"])
    assert {item.generation for item in ledger.outbox.open()} == {ledger.studies.get(STUDY).generation}
    store_all(ledger, "pacs")
    ledger.confirmations.confirmed(ledger.confirmations.uncommitted("pacs"), Confirmation.QUERY)

    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
    assert ledger.outbox.open() == ()
