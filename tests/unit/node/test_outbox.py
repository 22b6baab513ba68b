from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from config.settings import Peer
from dicom_io.network.commitment import NO_SUCH_OBJECT_INSTANCE, CommitmentResult, InstanceReference
from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome
from node.backoff import BackOff
from node.confirmation import MAXIMUM_SILENT_REQUESTS, UNCONFIRMED, Confirmer
from node.ledger.commitment import MAXIMUM_REFUSALS
from node.ledger.ledger import Ledger
from node.ledger.records import Confirmation, DeliveryState, ObjectKind
from node.outbox import Courier
from node.pacing import Pace
from node.states import Event, StudyState
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

PACS = Peer(name="pacs", ae_title="PACS", host="pacs.invalid", receives_results=True)
REMOTE = RemoteAE("PACS", "pacs.invalid", 104)
AWAY = PeerError(REMOTE, "no DICOM service could be reached there")
NO_CALLING_AE = AccessRefusedError(REMOTE, "it rejected the association: calling AE title not recognised")
NOT_OFFERED = PeerRefusedError(REMOTE, "it does not offer that")


@dataclass
class FakeTransport:
    """A peer that answers as it is told and remembers what it was given.

    Parameters
    ----------
    broken
        Files (``1/seg.dcm``) and studies to be asked about that meet a bug of the node.
    commitment
        ``later``, ``now``, ``never`` (it keeps nothing), ``none`` (it does not offer it).
    query
        ``finds``, ``finds nothing``, ``none`` (it does not offer it).
    """

    answers: dict[str, Disposition] = field(default_factory=dict)
    error: Exception | None = None
    broken: set[str] = field(default_factory=set)
    commitment: str = "later"
    query: str = "none"
    calls: int = 0
    sent: list[str] = field(default_factory=list)
    requests: list[tuple[str, list[str]]] = field(default_factory=list)
    queries: list[list[str]] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)

    def send(self, peer: Peer, paths: Sequence[Path], go_on: Callable[[SendOutcome], bool]) -> None:
        self.calls += 1
        self.peers.add(peer.name)
        if self.error is not None:
            raise self.error
        for path in paths:
            self.sent.append(path.name)
            if f"{path.parent.name}/{path.name}" in self.broken:
                raise KeyError("bug")
            disposition = self.answers.get(path.name, Disposition.DELIVERED)
            words = "" if disposition is Disposition.DELIVERED else "words"
            if not go_on(SendOutcome(path, "1.2", 0, disposition, words)):
                return

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        self.peers.add(peer.name)
        self.requests.append((transaction_uid, [item.sop_instance_uid for item in instances]))
        if any(item.sop_instance_uid.startswith(f"{study}.9.") for study in self.broken for item in instances):
            raise KeyError("bug")
        if self.commitment == "none":
            raise NOT_OFFERED
        if self.commitment == "now":
            return CommitmentResult(transaction_uid, tuple(instances), {})
        if self.commitment == "never":
            return CommitmentResult(transaction_uid, (), dict.fromkeys(instances, NO_SUCH_OBJECT_INSTANCE))
        return None

    def find(self, peer: Peer, paths: Sequence[Path]) -> Mapping[Path, bool]:
        self.peers.add(peer.name)
        self.queries.append([path.name for path in paths])
        if self.query == "none":
            raise NOT_OFFERED
        return dict.fromkeys(paths, self.query == "finds")


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


def courier(
    ledger: Ledger, transport: FakeTransport, peer: Peer = PACS, clock: FakeClock | None = None
) -> Courier:
    numbers = count(1)
    confirmer = Confirmer(
        peer,
        ledger,
        Path("storage"),
        transport,
        ask_again=BackOff(300, 3600, lambda: 1.0),
        look_again=BackOff(10, 900, lambda: 1.0),
        new_uid=lambda: f"2.25.{next(numbers)}",
    )
    pace = Pace(peer.objects_per_minute, 6, clock.monotonic_s if clock else count(step=3600).__next__)
    back_off = BackOff(10, 900, lambda: 1.0)
    return Courier(peer, ledger, Path("storage"), transport, confirmer, back_off=back_off, pace=pace)


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


def test_deliver_when_commitment_never_comes_then_asks_ever_later_and_then_by_query(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.query = "finds"
    own = courier(ledger, transport)
    own.deliver()
    lines = len(ledger.history(STUDY))
    asked_after = [0] + [second for second in minutes(clock, 35) if asks(own, transport)]
    assert asked_after == [0, 300, 900]
    assert transport.queries == []
    assert len(ledger.history(STUDY)) == lines
    clock.advance(60)
    own.deliver()
    assert transport.sent == ["seg.dcm", "sr.dcm", "summary.dcm"]
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
    assert {item.confirmed_by for item in ledger.outbox.of_study(STUDY)} == {Confirmation.QUERY}


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


def minutes(clock: FakeClock, number: int) -> Iterator[int]:
    """Let the minutes pass; yield the seconds since the first began."""
    for minute in range(1, number):
        clock.advance(60)
        yield 60 * minute


def asks(own: Courier, transport: FakeTransport) -> bool:
    before = len(transport.requests)
    own.deliver()
    return len(transport.requests) > before


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


def test_deliver_when_the_peer_offers_no_commitment_then_learns_it_for_an_hour(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    transport.commitment, transport.query = "none", "finds"
    own = courier(ledger, transport)
    for study, wait_s in ((f"{STUDY}.2", 10), (f"{STUDY}.3", 3600)):
        own.deliver()
        clock.advance(wait_s)
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


def test_deliver_when_one_request_meets_a_bug_then_the_other_studies_are_asked_about(
    ledger: Ledger, clock: FakeClock, transport: FakeTransport
) -> None:
    queue(ledger, clock, f"{STUDY}.2")
    transport.broken = {STUDY}
    transport.commitment = "now"
    courier(ledger, transport).deliver()
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERING
    assert ledger.studies.get(f"{STUDY}.2").state is StudyState.DELIVERED
