"""Delivery to real PACS: DCMTK's dcmqrscp and storescp, which refuse, stall, fill up, break off and come back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Signal

import pydicom
import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    SegmentationStorage,
)
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import EVT_C_STORE, Event

from config.sections.peers import Peer
from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.commitment import CommitmentResult, InstanceReference
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.storage_scu import SendOutcome
from node.backoff import back_off
from node.delivery.confirmation import UNCONFIRMED, Confirmer
from node.delivery.outbox import Courier
from node.delivery.pacing import Pace
from node.ledger.delivery_records import Confirmation, DeliveryState
from node.ledger.ledger import Ledger, open_ledger
from node.ledger.records import ObjectKind
from node.peers.clients import DimseTransport
from node.states import StudyState
from tests.integration.dcmtk import LOOPBACK, running_dcmqrscp, running_storescp
from tests.integration.orthanc import free_port
from tests.integration.result_queue import NODE_AE_TITLE, SOP_CLASSES, ResultQueue, peer_of
from tests.unit.node.doubles import STUDY, FakeClock

pytestmark = [pytest.mark.peer("dcmtk")]

DELIVERED = dict.fromkeys(ObjectKind, DeliveryState.DELIVERED)
WAITING = dict.fromkeys(ObjectKind, DeliveryState.WAITING)
SR_AND_PAGE = ("Comprehensive3DSRStorage", "SecondaryCaptureImageStorage")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(tmp_path: Path, clock: FakeClock) -> Iterator[ResultQueue]:
    with open_ledger(ledger_url(tmp_path), clock, clock.monotonic_s) as ledger:
        queue = ResultQueue(tmp_path, ledger, clock)
        queue.put()
        yield queue


def ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.sqlite'}"


def held(ledger: Ledger) -> str:
    contact = ledger.contacts.get("pacs")
    assert contact is not None
    return str(contact.error)


def test_pacs_without_commitment_when_nothing_is_configured_then_a_query_confirms(
    queue: ResultQueue, tmp_path: Path
) -> None:
    with running_dcmqrscp(tmp_path / "pacs") as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert queue.states() == DELIVERED
    assert {item.confirmed_by for item in queue.rows().values()} == {Confirmation.QUERY}
    assert queue.study_state() is StudyState.DELIVERED


def test_pacs_without_commitment_and_query_when_sent_then_the_study_is_unconfirmed(
    queue: ResultQueue, tmp_path: Path
) -> None:
    with running_storescp(tmp_path / "pacs") as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert {item.error for item in queue.rows().values()} == {UNCONFIRMED}
    assert queue.study_state() is StudyState.UNCONFIRMED


def test_pacs_that_does_not_know_us_when_sent_to_then_is_parked_until_it_does(
    queue: ResultQueue, tmp_path: Path
) -> None:
    port = free_port()
    with running_dcmqrscp(tmp_path / "pacs", knows="OTHER", port=port) as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert queue.states() == WAITING
    assert (queue.ledger.contacts.get("pacs") or pytest.fail()).parked
    assert "rejected the association" in held(queue.ledger)
    queue.clock.advance(3600)
    with running_dcmqrscp(tmp_path / "pacs", knows=NODE_AE_TITLE, port=port) as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert queue.states() == DELIVERED


def test_pacs_that_refuses_seg_when_sent_to_then_the_rest_arrives_and_a_sentence_says_why(
    queue: ResultQueue, tmp_path: Path
) -> None:
    with running_storescp(tmp_path / "pacs", sop_classes=SR_AND_PAGE) as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert queue.states()[ObjectKind.SEG] is DeliveryState.REFUSED
    study = queue.ledger.studies.get(STUDY)
    assert study.state is StudyState.UNDELIVERED
    assert "does not accept Segmentation Storage in Explicit VR Little Endian" in str(study.message)
    assert len(list((tmp_path / "pacs").glob("*.9.*"))) == 2


@pytest.mark.parametrize(
    ("name", "sop_class_uid"),
    [("ComprehensiveSRStorage", ComprehensiveSRStorage), ("EnhancedSRStorage", EnhancedSRStorage)],
)
def test_pacs_that_takes_only_older_reports_when_sent_to_then_the_report_arrives_as_one(
    queue: ResultQueue, tmp_path: Path, name: str, sop_class_uid: str
) -> None:
    with running_storescp(tmp_path / "pacs", sop_classes=(name, "SecondaryCaptureImageStorage")) as pacs:
        own = queue.courier(peer_of(pacs))
        for _ in range(3):
            own.deliver()

    # Only the SEG is missing, and the study says so.
    assert queue.study_state() is StudyState.UNDELIVERED
    assert "refused the seg" in str(queue.ledger.studies.get(STUDY).message)
    assert "refused the sr" not in str(queue.ledger.studies.get(STUDY).message)
    (stored,) = (
        item
        for item in queue.ledger.outbox.of_study(STUDY)
        if item.kind is ObjectKind.SR and item.state is DeliveryState.UNCONFIRMED
    )
    assert stored.sop_class_uid == sop_class_uid
    kept = [pydicom.dcmread(path) for path in (tmp_path / "pacs").iterdir() if path.suffix != ".cfg"]
    (report,) = (ds for ds in kept if ds.SOPClassUID == sop_class_uid)
    original = pydicom.dcmread(queue.storage / f"{STUDY}.9.1.dcm")
    assert report.SOPInstanceUID == stored.sop_instance_uid != original.SOPInstanceUID
    assert report.SeriesInstanceUID != original.SeriesInstanceUID
    assert report.PatientName == original.PatientName


def test_pacs_that_takes_no_report_when_sent_to_then_each_kind_was_tried_and_the_first_is_refused(
    queue: ResultQueue, tmp_path: Path
) -> None:
    with running_storescp(tmp_path / "pacs", sop_classes=("SecondaryCaptureImageStorage",)) as pacs:
        own = queue.courier(peer_of(pacs))
        for _ in range(4):
            own.deliver()

    rows = [item for item in queue.ledger.outbox.of_study(STUDY) if item.kind is ObjectKind.SR]
    assert [item.state for item in rows] == [DeliveryState.REFUSED, *[DeliveryState.SUPERSEDED] * 2]
    assert [item.sop_class_uid for item in rows] == [
        Comprehensive3DSRStorage,
        ComprehensiveSRStorage,
        EnhancedSRStorage,
    ]
    assert "does not accept Comprehensive 3D SR Storage" in str(rows[0].error)
    # Who mends the PACS gets the report as it was written.
    queue.ledger.outbox.send_again(STUDY, "somebody")
    with running_storescp(tmp_path / "mended", port=pacs.port) as mended:
        queue.courier(peer_of(mended)).deliver()
    assert queue.study_state() is StudyState.UNCONFIRMED


@contextmanager
def running_coercer() -> Iterator[RemoteAE]:
    """Run an SCP of pynetdicom that changes the names of patients in reports, and says so with 0xB000."""
    ae = ApplicationEntity("COERCER")
    for uid in SOP_CLASSES.values():
        ae.add_supported_context(uid)

    def store(event: Event) -> int:
        return 0xB000 if event.request.AffectedSOPClassUID == Comprehensive3DSRStorage else 0x0000

    server = ae.start_server((LOOPBACK, 0), block=False, evt_handlers=[(EVT_C_STORE, store)])
    assert server is not None
    try:
        yield RemoteAE("COERCER", LOOPBACK, server.server_address[1])
    finally:
        server.shutdown()


def test_pacs_that_remarks_on_the_report_when_sent_to_then_it_is_stored_and_the_remark_is_kept_apart(
    queue: ResultQueue,
) -> None:
    with running_coercer() as pacs:
        queue.courier(peer_of(pacs)).deliver()
    # It took all three, and can confirm nothing.
    assert set(queue.states().values()) == {DeliveryState.UNCONFIRMED}
    (remarked,) = queue.ledger.outbox.remarked()
    assert remarked.kind is ObjectKind.SR
    assert "0xB000, coercion of data elements" in str(remarked.warning)


@pytest.mark.parametrize(
    ("options", "full", "sentence"),
    [
        (("--sleep-during", "30"), False, "no answer to C-STORE"),
        (("--abort-during",), False, "no answer to C-STORE"),
        ((), True, "0xA700, out of resources"),
    ],
    ids=["stalls", "breaks off", "is full"],
)
def test_pacs_in_trouble_when_it_recovers_then_everything_arrives_once(
    queue: ResultQueue, tmp_path: Path, options: tuple[str, ...], full: bool, sentence: str
) -> None:
    queue.put(f"{STUDY}.2")
    queue.timeout_s = 2.0
    port = free_port()
    with running_storescp(tmp_path / "bad", *options, full=full, port=port) as pacs:
        queue.courier(peer_of(pacs)).deliver()
        queue.courier(peer_of(pacs)).deliver()  # It is on hold: nothing more is tried.
    assert queue.states() == queue.states(f"{STUDY}.2") == WAITING
    assert sentence in held(queue.ledger)
    assert [item.attempts for item in queue.rows().values()] == [1, 0, 0]
    assert [item.attempts for item in queue.rows(f"{STUDY}.2").values()] == [0, 0, 0]
    queue.clock.advance(30)
    with running_storescp(tmp_path / "good", port=port) as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert queue.study_state() is queue.study_state(f"{STUDY}.2") is StudyState.UNCONFIRMED
    assert len(list((tmp_path / "good").iterdir())) == 6


@contextmanager
def running_staller(stalling: Signal) -> Iterator[RemoteAE]:
    """Run an SCP of pynetdicom that takes the SEG, and answers what comes behind it only once it is told to."""
    ae = ApplicationEntity("STALLER")
    for uid in SOP_CLASSES.values():
        ae.add_supported_context(uid)

    def store(event: Event) -> int:
        if event.request.AffectedSOPClassUID != SegmentationStorage:
            stalling.wait(30)
        return 0x0000

    server = ae.start_server((LOOPBACK, 0), block=False, evt_handlers=[(EVT_C_STORE, store)])
    assert server is not None
    try:
        yield RemoteAE("STALLER", LOOPBACK, server.server_address[1])
    finally:
        stalling.set()
        server.shutdown()


def test_pacs_that_stalls_behind_the_seg_when_it_recovers_then_only_the_rest_is_sent(
    queue: ResultQueue, tmp_path: Path
) -> None:
    queue.timeout_s = 1.0
    with running_staller(Signal()) as pacs:
        queue.courier(peer_of(pacs)).deliver()
    assert queue.states() == {**WAITING, ObjectKind.SEG: DeliveryState.STORED}
    assert "no answer to C-STORE" in held(queue.ledger)
    queue.clock.advance(30)
    with running_storescp(tmp_path / "good") as good:
        queue.courier(peer_of(good)).deliver()
    assert queue.study_state() is StudyState.UNCONFIRMED
    assert len(list((tmp_path / "good").iterdir())) == 2


class KilledError(BaseException):
    """The node is killed at this instant: nothing may catch it."""


class KillingTransport(DimseTransport):
    """Kills the node before or after one of its steps."""

    def __init__(self, instant: str) -> None:
        super().__init__(NODE_AE_TITLE)
        self._instant = instant

    def _at(self, instant: str) -> None:
        if instant == self._instant:
            raise KilledError

    def send(self, peer: Peer, paths: Sequence[Path], go_on: Callable[[SendOutcome], bool]) -> None:
        def told(outcome: SendOutcome) -> bool:
            self._at("before the first object is entered")
            goes_on = go_on(outcome)
            self._at("after the first object is entered")
            return goes_on

        self._at("before anything is sent")
        super().send(peer, paths, told)
        self._at("after everything is sent")

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        self._at("before commitment is asked for")
        answer = super().request_commitment(peer, instances, transaction_uid)
        self._at("after commitment is given")
        return answer

    def find(self, peer: Peer, paths: Sequence[Path]) -> Mapping[Path, bool]:
        self._at("before the query")
        found = super().find(peer, paths)
        self._at("after the query")
        return found


INSTANTS = (
    "before anything is sent",
    "before the first object is entered",
    "after the first object is entered",
    "after everything is sent",
    "before commitment is asked for",
    "before the query",
    "after the query",
)


@pytest.mark.parametrize("instant", INSTANTS)
def test_node_when_killed_at_a_step_then_the_next_start_delivers_everything(
    queue: ResultQueue, tmp_path: Path, instant: str
) -> None:
    with running_dcmqrscp(tmp_path / "pacs") as pacs:
        with pytest.raises(KilledError):
            killed_courier(queue, peer_of(pacs), KillingTransport(instant)).deliver()
        queue.ledger.close()
        with open_ledger(ledger_url(tmp_path), queue.clock, queue.clock.monotonic_s) as queue.ledger:
            queue.clock.advance(300)
            queue.courier(peer_of(pacs)).deliver()
            assert queue.states() == DELIVERED
            assert queue.study_state() is StudyState.DELIVERED


def test_node_when_killed_before_it_enters_a_commitment_then_the_next_start_asks_again(
    queue: ResultQueue, tmp_path: Path
) -> None:
    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        pacs = RemoteAE("ARCHIVE", LOOPBACK, archive.port)
        with pytest.raises(KilledError):
            killed_courier(queue, peer_of(pacs), KillingTransport("after commitment is given")).deliver()
        assert queue.states() == dict.fromkeys(ObjectKind, DeliveryState.STORED)
        queue.ledger.close()
        with open_ledger(ledger_url(tmp_path), queue.clock, queue.clock.monotonic_s) as queue.ledger:
            queue.courier(peer_of(pacs)).deliver()  # The request that was entered is given its time.
            assert queue.states() == dict.fromkeys(ObjectKind, DeliveryState.STORED)
            queue.clock.advance(300)
            queue.courier(peer_of(pacs)).deliver()
            assert queue.states() == DELIVERED
            assert {item.confirmed_by for item in queue.rows().values()} == {Confirmation.COMMITMENT}


@pytest.mark.parametrize("instant", [instant for instant in INSTANTS if instant.startswith(("before", "after e"))])
def test_pacs_when_restarted_at_a_step_then_everything_is_delivered(
    queue: ResultQueue, tmp_path: Path, instant: str
) -> None:
    port = free_port()
    with running_dcmqrscp(tmp_path / "pacs", port=port) as pacs, pytest.raises(KilledError):
        killed_courier(queue, peer_of(pacs), KillingTransport(instant)).deliver()
    own = queue.courier(peer_of(pacs))
    queue.clock.advance(300)
    own.deliver()
    assert "no DICOM service could be reached" in held(queue.ledger)
    with running_dcmqrscp(tmp_path / "pacs", port=port):
        queue.clock.advance(300)
        own.deliver()
        assert queue.states() == DELIVERED


def killed_courier(queue: ResultQueue, peer: Peer, transport: KillingTransport) -> Courier:
    waits = back_off(5)
    confirmer = Confirmer(
        peer,
        queue.ledger,
        queue.storage,
        transport,
        ask_again=waits,
        look_again=waits,
        new_uid=lambda: "2.25.1",
    )
    pace = Pace(60, 6, queue.clock.monotonic_s)
    return Courier(peer, queue.ledger, queue.storage, transport, confirmer, back_off=waits, pace=pace)
