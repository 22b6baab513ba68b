from datetime import timedelta

import pytest

from node.ledger.commitment import MAXIMUM_ABSENCES
from node.ledger.delivery_records import Confirmation, Delivery, DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.outbox import Outbox
from node.ledger.records import ObjectKind, ResultObject
from node.ledger.waiting import LONGEST_RETRY_S
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, instance, make_ready, result_objects, take


@pytest.fixture
def due(ledger: Ledger, clock: FakeClock) -> tuple[Delivery, ...]:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs", "archive"])
    return ledger.outbox.due("pacs")


def states(ledger: Ledger, destination: str = "pacs") -> list[DeliveryState]:
    found = [item for item in ledger.outbox.of_study(STUDY) if item.destination == destination]
    return [item.state for item in sorted(found, key=lambda item: list(ObjectKind).index(item.kind))]


def store_all(ledger: Ledger, destination: str) -> None:
    for item in ledger.outbox.due(destination):
        ledger.outbox.stored(item)


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
    ledger.outbox.confirmed(ledger.outbox.uncommitted("pacs"), Confirmation.QUERY)
    assert states(ledger) == [DeliveryState.DELIVERED] * 3
    assert len(ledger.outbox.due("archive")) == 3
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING


def test_uncommitted_when_something_is_unsent_then_waits_for_it(ledger: Ledger, due: tuple[Delivery, ...]) -> None:
    ledger.outbox.stored(due[0])
    assert ledger.outbox.uncommitted("pacs") == ()
    store_all(ledger, "pacs")
    assert len(ledger.outbox.uncommitted("pacs")) == 3


def test_answered_when_all_is_committed_everywhere_then_the_study_is_delivered(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    uids = [item.sop_instance_uid for item in due]
    for number, destination in enumerate(["pacs", "archive"]):
        store_all(ledger, destination)
        assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
        ledger.outbox.requested(ledger.outbox.uncommitted(destination), f"2.25.{number}", 300)
        assert ledger.record_commitment(f"2.25.{number}", uids, {})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_answered_when_one_object_is_not_kept_then_it_is_sent_again(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    ledger.outbox.requested(ledger.outbox.uncommitted("pacs"), "2.25.1", 300)
    seg, *rest = [item.sop_instance_uid for item in due]
    ledger.record_commitment("2.25.1", rest, {seg: "no such object instance"})
    assert states(ledger) == [DeliveryState.WAITING, DeliveryState.DELIVERED, DeliveryState.DELIVERED]
    clock.advance(3600)
    (again,) = ledger.outbox.due("pacs")
    assert (again.error, again.attempts, again.refusals) == ("stored and not kept: no such object instance", 0, 1)


def test_answered_when_the_same_refusal_comes_twice_then_counts_once(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    ledger.outbox.requested(ledger.outbox.uncommitted("pacs"), "2.25.1", 300)
    lost = {due[0].sop_instance_uid: "no such object instance"}
    ledger.record_commitment("2.25.1", [], lost)
    lines = len(ledger.history(STUDY))
    ledger.record_commitment("2.25.1", [], lost)
    clock.advance(3600)
    assert [item.refusals for item in ledger.outbox.due("pacs")] == [1]
    assert len(ledger.history(STUDY)) == lines


def test_answered_when_an_earlier_request_is_answered_late_then_it_counts(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    ledger.outbox.requested(ledger.outbox.uncommitted("pacs"), "2.25.1", 300)
    assert ledger.outbox.uncommitted("pacs") == ()
    clock.advance(300)
    ledger.outbox.requested(ledger.outbox.uncommitted("pacs"), "2.25.2", 300)
    assert ledger.record_commitment("2.25.1", [item.sop_instance_uid for item in due], {})
    assert states(ledger) == [DeliveryState.DELIVERED] * 3


def test_answered_when_the_transaction_is_unknown_then_changes_nothing(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    assert not ledger.record_commitment("2.25.404", [item.sop_instance_uid for item in due], {})
    assert states(ledger) == [DeliveryState.STORED] * 3


def test_answered_when_another_peer_answers_for_it_then_only_that_peer_has_it(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    store_all(ledger, "archive")
    ledger.outbox.requested(ledger.outbox.uncommitted("archive"), "2.25.1", 300)
    ledger.record_commitment("2.25.1", [item.sop_instance_uid for item in due], {})
    assert states(ledger, "archive") == [DeliveryState.DELIVERED] * 3
    assert states(ledger, "pacs") == [DeliveryState.STORED] * 3


def test_refused_when_a_peer_never_takes_it_then_the_study_is_undelivered(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    seg, *rest = due
    ledger.outbox.refused(seg, "SOP class not supported")
    for item in (*rest, *ledger.outbox.due("archive")):
        ledger.outbox.stored(item)
    for destination in ("pacs", "archive"):
        ledger.outbox.confirmed(ledger.outbox.uncommitted(destination), Confirmation.QUERY)
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
    ledger.outbox.confirmed(ledger.outbox.uncommitted("pacs"), Confirmation.QUERY)
    (remarked,) = ledger.outbox.remarked()
    assert (remarked.kind, remarked.state) == (ObjectKind.SEG, DeliveryState.DELIVERED)
    assert (remarked.warning, remarked.error) == ("0xB000, coercion of data elements", None)
    assert remarked.confirmed_by is Confirmation.QUERY


def test_unconfirmed_when_no_peer_confirms_then_the_study_says_so_and_is_not_sent_again(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    for destination in ("pacs", "archive"):
        store_all(ledger, destination)
        ledger.outbox.unconfirmed(ledger.outbox.uncommitted(destination), "no way to ask")
    assert ledger.studies.get(STUDY).state is StudyState.UNCONFIRMED
    assert ledger.outbox.due("pacs") == ()
    assert {item.error for item in ledger.outbox.open()} == {"no way to ask"}


def test_answered_when_an_unconfirmed_study_is_committed_late_then_it_is_delivered(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    unconfirmed(ledger)
    assert ledger.studies.get(STUDY).state is StudyState.UNCONFIRMED
    ledger.record_commitment("2.25.1", [item.sop_instance_uid for item in due], {})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
    assert ledger.outbox.open() == ()


@pytest.mark.parametrize("by_query", [False, True], ids=["unconfirmed", "found by a query"])
def test_answered_when_commitment_is_refused_late_then_the_object_is_sent_again(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...], by_query: bool
) -> None:
    unconfirmed(ledger, by_query=by_query)
    seg = due[0].sop_instance_uid
    ledger.record_commitment("2.25.1", [], {seg: "no such object instance"})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
    clock.advance(3600)
    assert [item.sop_instance_uid for item in ledger.outbox.due("pacs")] == [seg]


def test_absent_when_queries_never_find_an_object_then_it_is_sent_again(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    for _ in range(MAXIMUM_ABSENCES):
        assert ledger.outbox.due("pacs") == ()
        ledger.outbox.absent(ledger.outbox.uncommitted("pacs")[:1], 10)
        clock.advance(10)
    clock.advance(3600)
    (again,) = ledger.outbox.due("pacs")
    assert (again.kind, again.absences, again.refusals) == (ObjectKind.SEG, 0, 1)
    assert again.error == "stored and not kept: 6 queries did not find it"


def unconfirmed(ledger: Ledger, *, by_query: bool = False) -> None:
    """Bring the study to its end while a commitment of `pacs` is still owed."""
    for destination in ("pacs", "archive"):
        store_all(ledger, destination)
    ledger.outbox.confirmed(ledger.outbox.uncommitted("archive"), Confirmation.QUERY)
    items = ledger.outbox.uncommitted("pacs")
    ledger.outbox.requested(items, "2.25.1", 300)
    if by_query:
        ledger.outbox.confirmed(items, Confirmation.QUERY)
    else:
        ledger.outbox.unconfirmed(items, "no way to ask")


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
def test_uncommitted_when_the_time_of_day_is_set_then_is_asked_again_in_its_time(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...], step_s: int
) -> None:
    store_all(ledger, "pacs")
    ledger.outbox.requested(ledger.outbox.uncommitted("pacs"), "2.25.1", 300)
    clock.now += timedelta(seconds=step_s)
    clock.advance(299)
    assert ledger.outbox.uncommitted("pacs") == ()
    clock.advance(1)
    assert len(ledger.outbox.uncommitted("pacs")) == len(due)
    ledger.outbox.absent(ledger.outbox.uncommitted("pacs"), 10)
    clock.now += timedelta(seconds=step_s)
    clock.advance(9)
    assert ledger.outbox.uncommitted("pacs") == ()
    clock.advance(1)
    assert len(ledger.outbox.uncommitted("pacs")) == len(due)


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
            ledger.outbox.confirmed(ledger.outbox.uncommitted("pacs"), Confirmation.QUERY)
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
    ledger.outbox.confirmed(ledger.outbox.uncommitted("pacs"), Confirmation.QUERY)

    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
    assert ledger.outbox.open() == ()


def test_answered_when_a_superseded_object_is_not_kept_then_it_is_not_sent_after_the_later_one(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    ledger.outbox.requested(ledger.outbox.uncommitted("pacs"), "2.25.7", 300)
    for item in ledger.outbox.due("archive"):
        ledger.outbox.refused(item, "it takes nothing")
    assert ledger.outbox.answered("2.25.7", [item.sop_instance_uid for item in due[1:]], {})
    store_again = [item for item in ledger.outbox.of_study(STUDY) if item.state is DeliveryState.STORED]
    ledger.outbox.unconfirmed(store_again, "it can confirm nothing")
    ledger.work.ask_again(STUDY, "operator")
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(version="2"), destinations=["pacs"])

    assert ledger.outbox.answered("2.25.7", [], {due[0].sop_instance_uid: "no such object instance"})

    assert {item.generation for item in ledger.outbox.due("pacs")} == {ledger.studies.get(STUDY).generation}
