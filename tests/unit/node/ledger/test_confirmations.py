from datetime import timedelta

import pytest

from node.ledger.commitment import MAXIMUM_ABSENCES
from node.ledger.delivery_records import Confirmation, Delivery, DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take
from tests.unit.node.ledger.deliveries import states, store_all


@pytest.fixture
def due(ledger: Ledger, clock: FakeClock) -> tuple[Delivery, ...]:
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(), destinations=["pacs", "archive"])
    return ledger.outbox.due("pacs")


def test_uncommitted_when_something_is_unsent_then_waits_for_it(ledger: Ledger, due: tuple[Delivery, ...]) -> None:
    ledger.outbox.stored(due[0])
    assert ledger.confirmations.uncommitted("pacs") == ()
    store_all(ledger, "pacs")
    assert len(ledger.confirmations.uncommitted("pacs")) == 3


def test_answered_when_all_is_committed_everywhere_then_the_study_is_delivered(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    uids = [item.sop_instance_uid for item in due]
    for number, destination in enumerate(["pacs", "archive"]):
        store_all(ledger, destination)
        assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
        ledger.confirmations.requested(ledger.confirmations.uncommitted(destination), f"2.25.{number}", 300)
        assert ledger.record_commitment(f"2.25.{number}", uids, {})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_answered_when_one_object_is_not_kept_then_it_is_sent_again(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    ledger.confirmations.requested(ledger.confirmations.uncommitted("pacs"), "2.25.1", 300)
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
    ledger.confirmations.requested(ledger.confirmations.uncommitted("pacs"), "2.25.1", 300)
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
    ledger.confirmations.requested(ledger.confirmations.uncommitted("pacs"), "2.25.1", 300)
    assert ledger.confirmations.uncommitted("pacs") == ()
    clock.advance(300)
    ledger.confirmations.requested(ledger.confirmations.uncommitted("pacs"), "2.25.2", 300)
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
    ledger.confirmations.requested(ledger.confirmations.uncommitted("archive"), "2.25.1", 300)
    ledger.record_commitment("2.25.1", [item.sop_instance_uid for item in due], {})
    assert states(ledger, "archive") == [DeliveryState.DELIVERED] * 3
    assert states(ledger, "pacs") == [DeliveryState.STORED] * 3


def test_unconfirmed_when_no_peer_confirms_then_the_study_says_so_and_is_not_sent_again(
    ledger: Ledger, due: tuple[Delivery, ...]
) -> None:
    for destination in ("pacs", "archive"):
        store_all(ledger, destination)
        ledger.confirmations.unconfirmed(ledger.confirmations.uncommitted(destination), "no way to ask")
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
        ledger.confirmations.absent(ledger.confirmations.uncommitted("pacs")[:1], 10)
        clock.advance(10)
    clock.advance(3600)
    (again,) = ledger.outbox.due("pacs")
    assert (again.kind, again.absences, again.refusals) == (ObjectKind.SEG, 0, 1)
    assert again.error == "stored and not kept: 6 queries did not find it"


def unconfirmed(ledger: Ledger, *, by_query: bool = False) -> None:
    """Bring the study to its end while a commitment of `pacs` is still owed."""
    for destination in ("pacs", "archive"):
        store_all(ledger, destination)
    ledger.confirmations.confirmed(ledger.confirmations.uncommitted("archive"), Confirmation.QUERY)
    items = ledger.confirmations.uncommitted("pacs")
    ledger.confirmations.requested(items, "2.25.1", 300)
    if by_query:
        ledger.confirmations.confirmed(items, Confirmation.QUERY)
    else:
        ledger.confirmations.unconfirmed(items, "no way to ask")


STEPS_S = [-7200, 400 * 86_400]


@pytest.mark.parametrize("step_s", STEPS_S)
def test_uncommitted_when_the_time_of_day_is_set_then_is_asked_again_in_its_time(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...], step_s: int
) -> None:
    store_all(ledger, "pacs")
    ledger.confirmations.requested(ledger.confirmations.uncommitted("pacs"), "2.25.1", 300)
    clock.now += timedelta(seconds=step_s)
    clock.advance(299)
    assert ledger.confirmations.uncommitted("pacs") == ()
    clock.advance(1)
    assert len(ledger.confirmations.uncommitted("pacs")) == len(due)
    ledger.confirmations.absent(ledger.confirmations.uncommitted("pacs"), 10)
    clock.now += timedelta(seconds=step_s)
    clock.advance(9)
    assert ledger.confirmations.uncommitted("pacs") == ()
    clock.advance(1)
    assert len(ledger.confirmations.uncommitted("pacs")) == len(due)


def test_answered_when_a_superseded_object_is_not_kept_then_it_is_not_sent_after_the_later_one(
    ledger: Ledger, clock: FakeClock, due: tuple[Delivery, ...]
) -> None:
    store_all(ledger, "pacs")
    ledger.confirmations.requested(ledger.confirmations.uncommitted("pacs"), "2.25.7", 300)
    for item in ledger.outbox.due("archive"):
        ledger.outbox.refused(item, "it takes nothing")
    assert ledger.confirmations.answered("2.25.7", [item.sop_instance_uid for item in due[1:]], {})
    store_again = [item for item in ledger.outbox.of_study(STUDY) if item.state is DeliveryState.STORED]
    ledger.confirmations.unconfirmed(store_again, "it can confirm nothing")
    ledger.work.ask_again(STUDY, "operator")
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=result_objects(version="2"), destinations=["pacs"])

    assert ledger.confirmations.answered("2.25.7", [], {due[0].sop_instance_uid: "no such object instance"})

    assert {item.generation for item in ledger.outbox.due("pacs")} == {ledger.studies.get(STUDY).generation}
