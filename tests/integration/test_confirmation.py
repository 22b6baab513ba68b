"""Delivery proved by real peers: commitment that comes, comes late, in part or never; DICOMweb; TLS."""

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from config.sections.node import TlsSection
from config.sections.peers import Peer
from dicom_io.network.access import AccessPolicy, KnownPeer
from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.commitment import NO_SUCH_OBJECT_INSTANCE, CommitmentResult, InstanceReference
from dicom_io.network.commitment_exchange import report_commitment
from dicom_io.network.qido import offers_query
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.storage_scu import SendOutcome
from dicom_io.network.tls import ClientTls, TlsFiles
from dicom_io.network.web_service import WebService
from node.delivery.confirmation import MAXIMUM_SILENT_REQUESTS
from node.ledger import schema
from node.ledger.delivery_records import Confirmation, DeliveryState
from node.ledger.ledger import open_ledger
from node.ledger.records import ObjectKind
from node.peers.clients import DimseTransport, WebTransport
from node.states import StudyState
from tests.integration.dcmtk import LOOPBACK, running_storescp
from tests.integration.orthanc import Orthanc, free_port, running_orthanc
from tests.integration.result_queue import NODE_AE_TITLE, ResultQueue, peer_of
from tests.integration.tls_front import tls_front
from tests.unit.dicom_io.network.certificates import new_authority
from tests.unit.dicom_io.network.receiver import Receiver, receiving, wait_until
from tests.unit.node.doubles import FakeClock

DELIVERED = dict.fromkeys(ObjectKind, DeliveryState.DELIVERED)
PACS = frozenset({"loopback"})
POLICY = AccessPolicy(
    NODE_AE_TITLE, (KnownPeer("ORTHANC", PACS, may_store=False), KnownPeer("ARCHIVE", PACS, may_store=False))
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(tmp_path: Path, clock: FakeClock) -> Iterator[ResultQueue]:
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock, clock.monotonic_s) as ledger:
        queue = ResultQueue(tmp_path, ledger, clock)
        queue.put()
        yield queue


@dataclass(frozen=True)
class Site:
    """An Orthanc that knows where the node listens, and that receiver."""

    orthanc: Orthanc
    receiver: Receiver

    @property
    def peer(self) -> Peer:
        return peer_of(RemoteAE(self.orthanc.ae_title, LOOPBACK, self.orthanc.port))

    def commit(self, queue: ResultQueue) -> None:
        """Wait for the report on its reverse association, and enter it as the receiver does."""
        wait_until(lambda: bool(self.receiver.results), "Orthanc reports", 30)
        result = self.receiver.results.pop()
        committed = [reference.sop_instance_uid for reference in result.committed]
        assert queue.ledger.record_commitment(result.transaction_uid, committed, result.reasons())

    def delete(self, sop_instance_uid: str) -> None:
        (found,) = (
            instance
            for instance in self.orthanc.get("/instances")
            if self.orthanc.get(f"/instances/{instance}")["MainDicomTags"]["SOPInstanceUID"] == sop_instance_uid
        )
        url = f"http://{LOOPBACK}:{self.orthanc.http_port}/instances/{found}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30).close()


@pytest.fixture(scope="module")
def orthanc_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with receiving(policy=POLICY) as receiver:
        modalities = {"node": (NODE_AE_TITLE, LOOPBACK, receiver.scp.port)}
        with running_orthanc(tmp_path_factory.mktemp("orthanc"), modalities) as orthanc:
            yield Site(orthanc, receiver)


@pytest.fixture
def site(orthanc_site: Site) -> Iterator[Site]:
    yield orthanc_site
    for instance in orthanc_site.orthanc.get("/studies"):
        url = f"http://{LOOPBACK}:{orthanc_site.orthanc.http_port}/studies/{instance}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30).close()


@pytest.mark.peer("orthanc")
def test_orthanc_when_it_commits_on_a_reverse_association_then_the_study_is_delivered(
    queue: ResultQueue, site: Site
) -> None:
    queue.courier(site.peer).deliver()
    assert queue.states() == dict.fromkeys(ObjectKind, DeliveryState.STORED)
    site.commit(queue)
    assert queue.states() == DELIVERED
    assert {item.confirmed_by for item in queue.rows().values()} == {Confirmation.COMMITMENT}
    assert queue.study_state() is StudyState.DELIVERED


@pytest.mark.peer("orthanc")
def test_orthanc_when_it_commits_in_part_then_the_rest_is_sent_again(queue: ResultQueue, site: Site) -> None:
    due = queue.ledger.outbox.due("pacs")
    paths = [queue.storage / item.path for item in due]
    DimseTransport(NODE_AE_TITLE).send(site.peer, paths, lambda outcome: outcome.status == 0)
    for item in due:
        queue.ledger.outbox.stored(item)
    site.delete(due[0].sop_instance_uid)
    queue.courier(site.peer).deliver()
    site.commit(queue)
    assert queue.states() == {**DELIVERED, ObjectKind.SEG: DeliveryState.WAITING}
    assert "stored and not kept: no such object instance" in str(queue.rows()[ObjectKind.SEG].error)
    queue.clock.advance(60)
    queue.courier(site.peer).deliver()
    site.commit(queue)
    assert queue.study_state() is StudyState.DELIVERED
    assert len(site.orthanc.get("/instances")) == 3


@pytest.mark.peer("orthanc")
def test_orthanc_when_reached_by_dicomweb_then_stores_and_a_query_confirms(queue: ResultQueue, site: Site) -> None:
    url = f"http://{LOOPBACK}:{site.orthanc.http_port}/dicom-web"
    peer = peer_of(RemoteAE("WEB", LOOPBACK, 1), dicomweb_url=url)
    queue.courier(peer).deliver()
    assert queue.states() == DELIVERED
    assert {item.confirmed_by for item in queue.rows().values()} == {Confirmation.QUERY}
    assert {len(site.orthanc.instances_of_modality("MR"))} == {3}
    # The same objects again are the same objects.
    for item in queue.rows().values():
        DimseTransport(NODE_AE_TITLE).send(
            site.peer, [queue.storage / item.path], lambda outcome: not outcome.message
        )
    assert len(site.orthanc.get("/instances")) == 3


@pytest.mark.peer("orthanc")
def test_node_when_killed_between_stow_and_its_ledger_then_the_next_start_gives_the_same_objects(
    queue: ResultQueue, site: Site
) -> None:
    url = f"http://{LOOPBACK}:{site.orthanc.http_port}/dicom-web"
    peer = peer_of(RemoteAE("WEB", LOOPBACK, 1), dicomweb_url=url)

    def killed(_: SendOutcome) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WebTransport().send(peer, [queue.storage / item.path for item in queue.ledger.outbox.due("pacs")], killed)
    assert len(site.orthanc.get("/instances")) == 1
    assert queue.states() == dict.fromkeys(ObjectKind, DeliveryState.WAITING)
    queue.courier(peer).deliver()
    assert queue.states() == DELIVERED
    assert len(site.orthanc.get("/instances")) == 3


@pytest.mark.peer("orthanc")
def test_orthanc_when_dicomweb_is_elsewhere_then_the_peer_is_parked_with_a_sentence(
    queue: ResultQueue, site: Site
) -> None:
    url = f"http://{LOOPBACK}:{site.orthanc.http_port}/no-such-root"
    queue.courier(peer_of(RemoteAE("WEB", LOOPBACK, 1), dicomweb_url=url)).deliver()
    contact = queue.ledger.contacts.get("pacs")
    assert contact is not None
    assert contact.parked
    assert contact.error == "there is no STOW-RS service under this URL (HTTP 404)"
    assert queue.states() == dict.fromkeys(ObjectKind, DeliveryState.WAITING)


@pytest.mark.peer("orthanc")
@pytest.mark.peer("openssl")
def test_orthanc_when_reached_by_dicomweb_over_tls_then_both_sides_show_certificates(
    queue: ResultQueue, site: Site, tmp_path: Path
) -> None:
    ours, other = new_authority(tmp_path / "ours"), new_authority(tmp_path / "other")
    node = ours.issue("node")
    queue.tls = tls_section(node)

    def deliver(port: int) -> None:
        url = f"https://{LOOPBACK}:{port}/dicom-web"
        queue.courier(peer_of(RemoteAE("WEB", LOOPBACK, 1), dicomweb_url=url, tls=True)).deliver()

    false = replace(other.issue("pacs"), authority=ours.certificate)
    with tls_front(false, site.orthanc.http_port) as (port, callers):
        deliver(port)
    assert callers == set()
    contact = queue.ledger.contacts.get("pacs")
    assert contact is not None
    assert contact.error == "no TLS connection with it; check its certificate and ours, and the authority of both"
    queue.clock.advance(30)
    with tls_front(ours.issue("pacs"), site.orthanc.http_port) as (port, callers):
        deliver(port)
        # Its certificate bears its address and not this name.
        by_name = f"https://localhost:{port}/dicom-web"
        with pytest.raises(PeerError, match="no TLS connection"):
            offers_query(WebService(by_name, None, ClientTls(node)))
        assert offers_query(WebService(by_name, None, ClientTls(node, verify_host=False)))
    assert callers == {"node"}
    assert queue.states() == DELIVERED
    assert len(site.orthanc.get("/instances")) == 3


def test_archive_when_it_commits_on_the_same_association_then_one_round_delivers(
    queue: ResultQueue, tmp_path: Path
) -> None:
    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        queue.courier(peer_of(RemoteAE("ARCHIVE", LOOPBACK, archive.port))).deliver()
    assert queue.states() == DELIVERED
    assert {item.confirmed_by for item in queue.rows().values()} == {Confirmation.COMMITMENT}


@pytest.mark.parametrize("kept", [True, False], ids=["all", "not the SEG"])
def test_archive_when_it_never_reports_then_unconfirmed_and_a_late_report_still_counts(
    queue: ResultQueue, tmp_path: Path, kept: bool
) -> None:
    nowhere = {NODE_AE_TITLE: RemoteAE(NODE_AE_TITLE, LOOPBACK, free_port())}
    with Archive(ArchiveSettings(tmp_path / "archive", callbacks=nowhere)) as archive:
        own = queue.courier(peer_of(RemoteAE("ARCHIVE", LOOPBACK, archive.port)))
        own.deliver()
        assert queue.study_state() is StudyState.DELIVERING
        for _ in range(MAXIMUM_SILENT_REQUESTS + 1):
            queue.clock.advance(1200)
            own.deliver()
        assert queue.study_state() is StudyState.UNCONFIRMED
        with receiving(policy=POLICY) as receiver:
            report_commitment(receiver.peer, late_report(queue, kept=kept), calling_ae_title="ARCHIVE")
            (result,) = receiver.results
        uids = [reference.sop_instance_uid for reference in result.committed]
        assert queue.ledger.record_commitment(result.transaction_uid, uids, result.reasons())
        assert queue.study_state() is (StudyState.DELIVERED if kept else StudyState.DELIVERING)
        if not kept:
            assert queue.states() == {**DELIVERED, ObjectKind.SEG: DeliveryState.WAITING}


def late_report(queue: ResultQueue, *, kept: bool) -> CommitmentResult:
    """Return what the PACS says days later about the first request."""
    with queue.ledger.engine.connect() as connection:
        first = select(schema.commitments.c.transaction_uid).order_by(schema.commitments.c.requested_at)
        transaction = str(connection.scalars(first).first())
    seg, *rest = (
        InstanceReference(item.sop_class_uid, item.sop_instance_uid) for _, item in sorted(queue.rows().items())
    )
    return (
        CommitmentResult(transaction, (seg, *rest), {})
        if kept
        else CommitmentResult(transaction, tuple(rest), {seg: NO_SUCH_OBJECT_INSTANCE})
    )


@pytest.mark.peer("dcmtk")
@pytest.mark.peer("openssl")
def test_storescp_when_it_speaks_tls_then_results_arrive_and_a_stranger_gets_none(
    queue: ResultQueue, tmp_path: Path
) -> None:
    ours, other = new_authority(tmp_path / "ours"), new_authority(tmp_path / "other")
    pacs, stranger = ours.issue("pacs"), other.issue("pacs")
    queue.tls = tls_section(ours.issue("node"))
    with running_storescp(tmp_path / "bad", *tls_options(stranger)) as peer:
        queue.courier(peer_of(peer, tls=True, tls_verify_host=False)).deliver()
    contact = queue.ledger.contacts.get("pacs")
    assert contact is not None
    assert "no TLS connection with it" in str(contact.error)
    assert list((tmp_path / "bad").iterdir()) == []
    queue.clock.advance(30)
    with running_storescp(tmp_path / "good", *tls_options(pacs)) as peer:
        queue.courier(peer_of(peer, tls=True, tls_verify_host=False)).deliver()
    assert len(list((tmp_path / "good").iterdir())) == 3
    assert queue.study_state() is StudyState.UNCONFIRMED


def tls_section(files: TlsFiles) -> TlsSection:
    return TlsSection(certificate=str(files.certificate), key=str(files.key), authority=str(files.authority))


def tls_options(files: TlsFiles) -> tuple[str, ...]:
    return ("+tls", str(files.key), str(files.certificate), "+cf", str(files.authority))
