"""A peer that answers as it is told, and the courier and the outbox that deal with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from config.sections.peers import Peer
from dicom_io.network.commitment import NO_SUCH_OBJECT_INSTANCE, CommitmentResult, InstanceReference
from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError, RemoteAE, UnansweredError
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome
from node.backoff import BackOff
from node.delivery.confirmation import ASK_AGAIN_S, LONGEST_ASK_AGAIN_S, Confirmer
from node.delivery.outbox import Courier
from node.delivery.pacing import Pace
from node.ledger.delivery_records import DeliveryState
from node.ledger.ledger import Ledger
from node.states import Event
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, result_objects, take

PACS = Peer(name="pacs", ae_title="PACS", host="pacs.invalid", receives_results=True)
REMOTE = RemoteAE("PACS", "pacs.invalid", 104)
AWAY = PeerError(REMOTE, "no DICOM service could be reached there")
NO_CALLING_AE = AccessRefusedError(REMOTE, "it rejected the association: calling AE title not recognised")
SILENT = UnansweredError(REMOTE, "it did not answer the storage commitment request")
NOT_OFFERED = PeerRefusedError(REMOTE, "it does not offer that")


@dataclass
class FakeTransport:
    """A peer that answers as it is told and remembers what it was given.

    Parameters
    ----------
    broken
        Files (``1/seg.dcm``) and studies to be asked about that meet a bug of the node.
    commitment
        ``later``, ``now``, ``never`` (it keeps nothing), ``none`` (it does not offer it), ``silence`` (it does not
        answer the request).
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
        if self.commitment == "silence":
            raise SILENT
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


def courier(
    ledger: Ledger, transport: FakeTransport, peer: Peer = PACS, clock: FakeClock | None = None
) -> Courier:
    numbers = count(1)
    confirmer = Confirmer(
        peer,
        ledger,
        Path("storage"),
        transport,
        ask_again=BackOff(ASK_AGAIN_S, LONGEST_ASK_AGAIN_S, lambda: 1.0),
        look_again=BackOff(10, 900, lambda: 1.0),
        new_uid=lambda: f"2.25.{next(numbers)}",
    )
    pace = Pace(peer.objects_per_minute, 6, clock.monotonic_s if clock else count(step=3600).__next__)
    back_off = BackOff(10, 900, lambda: 1.0)
    return Courier(peer, ledger, Path("storage"), transport, confirmer, back_off=back_off, pace=pace)


def queue(ledger: Ledger, clock: FakeClock, study: str, version: str = "1") -> None:
    make_ready(ledger, clock, study)
    objects = result_objects(study, version)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=objects, destinations=["pacs"])


def states(ledger: Ledger) -> set[DeliveryState]:
    return {item.state for item in ledger.outbox.of_study(STUDY)}


def half_minutes(clock: FakeClock, number: int) -> Iterator[int]:
    """Let half minutes pass; yield the seconds since the first began."""
    for half in range(1, number):
        clock.advance(30)
        yield 30 * half


def minutes(clock: FakeClock, number: int) -> Iterator[int]:
    """Let the minutes pass; yield the seconds since the first began."""
    for minute in range(1, number):
        clock.advance(60)
        yield 60 * minute
