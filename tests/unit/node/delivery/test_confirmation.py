from datetime import timedelta

import pytest

from node.delivery.confirmation import MAXIMUM_SILENT_REQUESTS, UNCONFIRMED
from node.delivery.outbox import Courier
from node.ledger.commitment import MAXIMUM_REFUSALS
from node.ledger.delivery_records import Confirmation
from node.ledger.ledger import Ledger
from node.states import StudyState
from tests.unit.node.delivery_doubles import PACS, FakeTransport, courier, half_minutes, minutes, queue
from tests.unit.node.doubles import STUDY, FakeClock


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture(autouse=True)
def queued(ledger: Ledger, clock: FakeClock) -> None:
    queue(ledger, clock, STUDY)


def test_deliver_when_commitment_comes_on_the_association_then_the_study_is_delivered(
    ledger: Ledger, transport: FakeTransport
) -> None:
    transport.commitment = "now"
    courier(ledger, transport).deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_commitment_comes_through_the_receiver_then_the_study_is_delivered(
    ledger: Ledger, transport: FakeTransport
) -> None:
    courier(ledger, transport).deliver()
    ((transaction, uids),) = transport.requests
    ledger.record_commitment(transaction, uids, {})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_commitment_never_comes_then_asks_ever_later_and_then_by_query(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.query = "finds"
    own = courier(ledger, transport)
    own.deliver()
    lines = len(ledger.history(STUDY))
    asked_after = [0] + [second for second in half_minutes(clock, 63) if asks(own, transport)]
    assert asked_after == [0, 30, 90, 210, 450, 930]
    assert transport.queries == []
    assert len(ledger.history(STUDY)) == lines
    clock.advance(30)
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
    assert {item.confirmed_by for item in ledger.outbox.of_study(STUDY)} == {Confirmation.QUERY}


def test_deliver_when_the_request_itself_is_never_answered_then_asks_by_query_in_the_end(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.commitment, transport.query = "silence", "finds"
    own = courier(ledger, transport)
    for _ in minutes(clock, 60):
        own.deliver()
    assert len(transport.requests) == MAXIMUM_SILENT_REQUESTS
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_commitment_never_comes_and_there_is_no_query_then_ends_as_unconfirmed(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    own = courier(ledger, transport)
    for _ in minutes(clock, 60):
        own.deliver()
    assert len(transport.requests) == MAXIMUM_SILENT_REQUESTS
    assert ledger.studies.get(STUDY).state is StudyState.UNCONFIRMED
    transaction, uids = transport.requests[0]
    ledger.record_commitment(transaction, uids, {})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_a_report_may_have_come_while_nobody_listened_then_asks_at_once(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    own = courier(ledger, transport)
    own.deliver()
    assert not asks(own, transport)
    for _ in range(2 * MAXIMUM_SILENT_REQUESTS):  # A receiver that is started often is not a peer that is silent.
        clock.advance(1)
        assert ledger.confirmations.ask_anew() == 1
        assert asks(own, transport)
        assert not asks(own, transport)
    for transaction, uids in transport.requests[:1]:
        ledger.record_commitment(transaction, uids, {})
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
    assert ledger.confirmations.ask_anew() == 0


def test_deliver_when_commitment_is_always_refused_then_sends_ever_more_rarely_and_ends(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.commitment = "never"
    own = courier(ledger, transport)
    sent_after = []
    for minute in range(24 * 60):
        before = len(transport.sent)
        own.deliver()
        if len(transport.sent) > before:
            sent_after.append(minute)
        clock.advance(60)
    assert sent_after == [2**number - 1 for number in range(MAXIMUM_REFUSALS)]
    assert len(transport.sent) == 3 * MAXIMUM_REFUSALS
    study = ledger.studies.get(STUDY)
    assert study.state is StudyState.UNDELIVERED
    assert study.message is not None
    assert "pacs refused the seg: it stored the object 10 times and would not keep it: no such" in study.message


def test_deliver_when_a_refused_commitment_is_given_later_then_the_study_is_delivered(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.commitment = "never"
    own = courier(ledger, transport)
    own.deliver()
    transport.commitment = "now"
    clock.advance(60)
    own.deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_the_peer_offers_no_commitment_then_a_query_confirms(
    ledger: Ledger, transport: FakeTransport
) -> None:
    transport.commitment, transport.query = "none", "finds"
    courier(ledger, transport).deliver()
    assert transport.queries == [["seg.dcm", "sr.dcm", "summary.dcm"]]
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


@pytest.mark.parametrize("step_s", [0, -7200, 7200])
def test_deliver_when_the_peer_offers_no_commitment_then_learns_it_for_an_hour(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport, step_s: int
) -> None:
    transport.commitment, transport.query = "none", "finds"
    own = courier(ledger, transport)
    for study, wait_s in ((f"{STUDY}.2", 10), (f"{STUDY}.3", 3600)):
        own.deliver()
        clock.advance(wait_s)
        clock.now += timedelta(seconds=step_s)
        queue(ledger, clock, study)
    own.deliver()
    assert len(transport.requests) == 2
    assert len(transport.queries) == 3


def test_deliver_when_the_peer_can_confirm_nothing_then_says_sent_unconfirmed(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.commitment = transport.query = "none"
    own = courier(ledger, transport)
    for _ in minutes(clock, 60):
        own.deliver()
    assert ledger.studies.get(STUDY).state is StudyState.UNCONFIRMED
    assert {item.error for item in ledger.outbox.open()} == {UNCONFIRMED}
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]


@pytest.mark.parametrize("by_query", [True, False])
def test_deliver_when_the_operator_forbids_commitment_then_does_not_ask_for_it(
    ledger: Ledger, transport: FakeTransport, by_query: bool
) -> None:
    transport.query = "finds"
    peer = PACS.model_copy(update={"storage_commitment": False, "confirm_by_query": by_query})
    courier(ledger, transport, peer).deliver()
    assert transport.requests == []
    assert len(transport.queries) == int(by_query)
    wanted = StudyState.DELIVERED if by_query else StudyState.UNCONFIRMED
    assert ledger.studies.get(STUDY).state is wanted


def test_deliver_when_a_query_finds_the_object_late_then_it_is_not_sent_again(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.commitment, transport.query = "none", "finds nothing"
    own = courier(ledger, transport)
    own.deliver()
    clock.advance(10)
    own.deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
    transport.query = "finds"
    clock.advance(20)
    own.deliver()
    assert (len(transport.sent), len(transport.queries)) == (3, 3)
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_commitment_is_turned_off_later_then_what_is_stored_is_looked_for(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    courier(ledger, transport).deliver()
    clock.advance(10_000)
    transport.query = "finds"
    courier(ledger, transport, PACS.model_copy(update={"storage_commitment": False})).deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_one_request_meets_a_bug_then_the_other_studies_are_asked_about(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    queue(ledger, clock, f"{STUDY}.2")
    transport.broken = {STUDY}
    transport.commitment = "now"
    courier(ledger, transport).deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
    assert ledger.studies.get(f"{STUDY}.2").state is StudyState.DELIVERED


def asks(own: Courier, transport: FakeTransport) -> bool:
    before = len(transport.requests)
    own.deliver()
    return len(transport.requests) > before
