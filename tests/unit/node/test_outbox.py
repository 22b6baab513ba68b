from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from config.settings import Peer
from dicom_io.network.commitment import NO_SUCH_OBJECT_INSTANCE, CommitmentResult, InstanceReference
from dicom_io.network.requestor import PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome
from node.backoff import BackOff
from node.ledger.commitment import MAXIMUM_REFUSALS
from node.ledger.ledger import Ledger
from node.ledger.records import DeliveryState, ObjectKind
from node.outbox import Courier
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

PACS = Peer(name="pacs", ae_title="PACS", host="pacs.invalid", receives_results=True)
REMOTE = RemoteAE("PACS", "pacs.invalid", 104)
AWAY = PeerError(REMOTE, "no DICOM service could be reached there")
NO_CALLING_AE = PeerRefusedError(REMOTE, "it rejected the association: calling AE title not recognised")


@dataclass
class FakeTransport:
    """A peer that answers as it is told and remembers what it was given.

    Parameters
    ----------
    broken
        Files (``1/seg.dcm``) and studies to be asked about that meet a bug of the node.
    """

    answers: dict[str, Disposition] = field(default_factory=dict)
    error: Exception | None = None
    broken: set[str] = field(default_factory=set)
    commitment: str = "later"
    sent: list[str] = field(default_factory=list)
    requests: list[tuple[str, list[str]]] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)

    def send(self, peer: Peer, path: Path) -> SendOutcome:
        self.sent.append(path.name)
        self.peers.add(peer.name)
        if self.error is not None:
            raise self.error
        if f"{path.parent.name}/{path.name}" in self.broken:
            raise KeyError("bug")
        disposition = self.answers.get(path.name, Disposition.DELIVERED)
        return SendOutcome(path, "1.2", 0, disposition, "" if disposition is Disposition.DELIVERED else "words")

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        self.peers.add(peer.name)
        self.requests.append((transaction_uid, [item.sop_instance_uid for item in instances]))
        if any(item.sop_instance_uid.startswith(f"{study}.9.") for study in self.broken for item in instances):
            raise KeyError("bug")
        if self.commitment == "now":
            return CommitmentResult(transaction_uid, tuple(instances), {})
        if self.commitment == "never":
            return CommitmentResult(transaction_uid, (), dict.fromkeys(instances, NO_SUCH_OBJECT_INSTANCE))
        return None


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


def courier(ledger: Ledger, transport: FakeTransport, peer: Peer = PACS) -> Courier:
    numbers = count(1)
    return Courier(
        peer,
        ledger,
        Path("storage"),
        transport,
        back_off=BackOff(10, 900, lambda: 1.0),
        ask_again=BackOff(300, 3600, lambda: 1.0),
        new_uid=lambda: f"2.25.{next(numbers)}",
    )


@pytest.fixture(autouse=True)
def queued(ledger: Ledger, clock: FakeClock) -> None:
    queue(ledger, clock, STUDY)


def queue(ledger: Ledger, clock: FakeClock, study: str, version: str = "1") -> None:
    make_ready(ledger, clock, study)
    objects = result_objects(study, version)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=objects, destinations=["pacs"])


def states(ledger: Ledger) -> set[DeliveryState]:
    return {item.state for item in ledger.outbox.of_study(STUDY)}


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


def test_deliver_when_commitment_never_comes_then_asks_again_ever_later(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    own = courier(ledger, transport)
    asked_after = []
    own.deliver()
    lines = len(ledger.history(STUDY))
    for second in range(0, 7200, 60):
        before = len(transport.requests)
        clock.advance(60)
        own.deliver()
        if len(transport.requests) > before:
            asked_after.append(second + 60)
    assert asked_after == [300, 900, 2100, 4500]
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]
    assert len(ledger.history(STUDY)) == lines


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


def test_deliver_when_the_peer_has_no_commitment_then_stored_is_delivered(
    ledger: Ledger, transport: FakeTransport
) -> None:
    courier(ledger, transport, PACS.model_copy(update={"storage_commitment": False})).deliver()
    assert transport.requests == []
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


def test_deliver_when_commitment_is_turned_off_later_then_what_is_stored_counts(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    courier(ledger, transport).deliver()
    clock.advance(10_000)
    courier(ledger, transport, PACS.model_copy(update={"storage_commitment": False})).deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED


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


@pytest.mark.parametrize("error", [AWAY, NO_CALLING_AE], ids=["away", "rejects"])
def test_deliver_when_the_peer_is_away_for_a_day_then_tries_ever_more_rarely_and_loses_nothing(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport, error: PeerError
) -> None:
    transport.error = error
    own = courier(ledger, transport)
    for _ in range(24 * 60):
        own.deliver()
        clock.advance(60)
    assert 90 <= len(transport.sent) <= 110  # Every 15 minutes, after a handful of quicker attempts.
    transport.error, transport.sent = None, []
    clock.advance(900)
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]


def test_deliver_when_the_peer_is_away_then_one_round_tries_one_association(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    for number in range(5):
        queue(ledger, clock, f"{STUDY}.{number}")
    transport.error = AWAY
    courier(ledger, transport).deliver()
    assert len(transport.sent) == 1


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


def test_deliver_when_one_request_meets_a_bug_then_the_other_studies_are_asked_about(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    queue(ledger, clock, f"{STUDY}.2")
    transport.broken = {STUDY}
    transport.commitment = "now"
    courier(ledger, transport).deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
    assert ledger.studies.get(f"{STUDY}.2").state is StudyState.DELIVERED
