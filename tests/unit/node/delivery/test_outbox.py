import random
from datetime import timedelta

import pytest

from dicom_io.network.status import Disposition
from node.ledger.delivery_records import DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind
from node.states import StudyState
from node.studies.retrying import retry_study
from tests.unit.node.delivery_doubles import AWAY, NO_CALLING_AE, FakeTransport, courier, minutes, queue, states
from tests.unit.node.doubles import STUDY, FakeClock


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture(autouse=True)
def queued(ledger: Ledger, clock: FakeClock) -> None:
    queue(ledger, clock, STUDY)


def test_deliver_when_the_peer_takes_all_then_sends_in_order_and_asks_once(
    ledger: Ledger, transport: FakeTransport
) -> None:
    own = courier(ledger, transport)
    own.deliver()
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]
    assert [len(uids) for _, uids in transport.requests] == [3]
    assert transport.peers == {"pacs"}
    # Stored is not delivered: the peer has not said that it will keep it.
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING


def test_deliver_when_the_seg_is_not_taken_now_then_the_sr_waits_for_it(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.answers = {"seg.dcm": Disposition.TRANSIENT}
    own = courier(ledger, transport)
    own.deliver()
    assert transport.sent == ["seg.dcm"]
    transport.answers = {}
    clock.advance(10)
    own.deliver()
    assert transport.sent == ["seg.dcm", "seg.dcm", "sr.dcm", "summary.dcm"]


def test_deliver_when_an_object_is_refused_for_good_then_the_rest_goes_and_the_study_says_so(
    ledger: Ledger, transport: FakeTransport
) -> None:
    transport.answers = {"seg.dcm": Disposition.PERMANENT}
    transport.commitment = "now"
    courier(ledger, transport).deliver()
    assert states(ledger) == {DeliveryState.REFUSED, DeliveryState.DELIVERED}
    assert ledger.studies.get(STUDY).state is StudyState.UNDELIVERED


def test_deliver_when_the_peer_stores_with_a_warning_then_it_is_stored(
    ledger: Ledger, transport: FakeTransport
) -> None:
    transport.answers = {"sr.dcm": Disposition.WARNING}
    courier(ledger, transport).deliver()
    assert states(ledger) == {DeliveryState.STORED}


def test_deliver_when_the_peer_is_away_for_a_day_then_calls_ever_more_rarely_and_loses_nothing(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    studies = [STUDY]
    transport.error = AWAY
    own = courier(ledger, transport, clock=clock)
    for number in range(24 * 12):
        if number % 12 == 0:
            studies.append(f"{STUDY}.{1000 - number}")  # Their UIDs are not in the order of their arrival.
            queue(ledger, clock, studies[-1])
        own.deliver()
        clock.advance(300)
    assert 90 <= transport.calls <= 110  # Every 15 minutes, whatever waits, after a handful of quicker attempts.
    contact = ledger.contacts.get("pacs")
    assert contact is not None
    assert (contact.failures, contact.error, contact.parked) == (transport.calls, AWAY.because, False)

    transport.error, transport.commitment = None, "now"
    clock.advance(900)
    sent = []
    for _ in range(90):
        before = len(transport.sent)
        own.deliver()
        sent.append(len(transport.sent) - before)
        clock.advance(1)
    assert len(transport.sent) == 3 * len(studies)
    assert sum(sent[:60]) <= 66  # 60 a minute, and two studies at once when the bucket is full.
    assert max(sum(sent[start : start + 60]) for start in range(30)) <= 66
    assert [items[0].rpartition(".9.")[0] for _, items in transport.requests] == studies
    assert {ledger.studies.get(study).state for study in studies} == {StudyState.DELIVERED}


def test_deliver_when_the_peer_does_not_know_us_then_is_parked_with_a_sentence_and_tried_each_hour(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.error = NO_CALLING_AE
    own = courier(ledger, transport)
    for _ in minutes(clock, 4 * 60):
        own.deliver()
    assert transport.calls == 4
    contact = ledger.contacts.get("pacs")
    assert contact is not None
    assert (contact.parked, contact.error) == (True, NO_CALLING_AE.because)
    assert states(ledger) == {DeliveryState.WAITING}
    transport.error = None
    ledger.contacts.reached("pacs")  # As `peers echo` does.
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]


def test_deliver_when_the_peer_is_parked_and_somebody_retries_a_study_then_everything_goes_at_once(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    queue(ledger, clock, f"{STUDY}.2", version="2")
    transport.error = NO_CALLING_AE
    own = courier(ledger, transport)
    own.deliver()
    transport.error = None
    own.deliver()
    assert (transport.calls, transport.sent) == (1, [])
    assert retry_study(ledger, STUDY, "anna") is StudyState.DELIVERING
    own.deliver()
    assert len(transport.sent) == 6
    assert ("hurried", "by anna") in [(event.event, event.detail) for event in ledger.history(STUDY)]
    assert not (ledger.contacts.get("pacs") or pytest.fail()).parked


def test_deliver_when_an_object_waits_for_its_next_attempt_and_somebody_retries_then_it_goes_at_once(
    ledger: Ledger, transport: FakeTransport
) -> None:
    transport.answers = {"seg.dcm": Disposition.TRANSIENT}
    own = courier(ledger, transport)
    own.deliver()
    transport.answers, transport.sent = {}, []
    own.deliver()
    assert transport.sent == []
    retry_study(ledger, STUDY, "anna")
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]


def test_deliver_when_the_peer_is_away_then_one_round_tries_one_association(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    for number in range(5):
        queue(ledger, clock, f"{STUDY}.{number}")
    transport.error = AWAY
    courier(ledger, transport).deliver()
    assert transport.calls == 1


def test_deliver_when_the_peer_is_full_then_one_object_finds_out_and_all_goes_later(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    for number in range(5):
        queue(ledger, clock, f"{STUDY}.{number}")
    transport.answers = {"seg.dcm": Disposition.TRANSIENT}
    own = courier(ledger, transport)
    own.deliver()
    own.deliver()
    assert transport.sent == ["seg.dcm"]
    transport.answers, transport.sent = {}, []
    clock.advance(10)
    own.deliver()
    assert len(transport.sent) == 18


def test_deliver_when_one_object_meets_a_bug_then_the_other_studies_go_on(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    queue(ledger, clock, f"{STUDY}.2", version="2")
    transport.broken = {"1/seg.dcm"}
    transport.commitment = "now"
    courier(ledger, transport).deliver()
    assert transport.sent == ["seg.dcm", "seg.dcm", "sr.dcm", "summary.dcm"]
    seg = next(item for item in ledger.outbox.of_study(STUDY) if item.kind is ObjectKind.SEG)
    assert (seg.state, seg.attempts, seg.error) == (DeliveryState.WAITING, 1, "an error of this node: KeyError")
    assert ledger.studies.get(f"{STUDY}.2").state is StudyState.DELIVERED


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_deliver_when_the_time_of_day_is_set_again_and_again_then_the_peer_is_called_as_often_as_ever(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport, seed: int | None
) -> None:
    transport.error = AWAY
    own = courier(ledger, transport, clock=clock)
    chance = random.Random(seed)
    calls_at_s = []
    for second in range(0, 7200, 5):
        before = transport.calls
        own.deliver()
        calls_at_s += [second] if transport.calls > before else []
        clock.advance(5)
        if seed is not None and second % 60 == 0:
            clock.now += timedelta(seconds=chance.uniform(-86_400, 86_400))
    # 10 s doubled up to 900 s, each from the attempt before (tests.unit.node.delivery_doubles.courier).
    assert calls_at_s == [0, 10, 30, 70, 150, 310, 630, 1270, 2170, 3070, 3970, 4870, 5770, 6670]
