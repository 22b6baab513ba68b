"""The courier with its real transport, against a PACS that does not take everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage, SegmentationStorage
from pynetdicom import AE, evt

from config.sections.node import NodeSection
from config.sections.peers import Peer
from config.settings import Settings
from node.delivery.couriers import make_courier
from node.delivery.outbox import Courier
from node.ledger.delivery_records import DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind, ResultObject
from node.states import Event, StudyState
from tests.unit.dicom_io.network.instances import mr_instance
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, take

CLASSES = {
    ObjectKind.SEG: SegmentationStorage,
    ObjectKind.SR: Comprehensive3DSRStorage,
    ObjectKind.SUMMARY: SecondaryCaptureImageStorage,
}


@contextmanager
def pacs(*sop_class_uids: str, ae_title: str = "PACS") -> Iterator[tuple[Peer, list[str]]]:
    """Run a PACS that takes these classes; yield it and the classes of what it got."""
    got: list[str] = []

    def store(event: evt.Event) -> int:
        got.append(str(event.request.AffectedSOPClassUID))
        return 0x0000

    ae = AE(ae_title)
    ae.require_called_aet = True
    for uid in sop_class_uids:
        ae.add_supported_context(uid)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    try:
        port = server.server_address[1]
        yield (
            Peer(
                name="pacs",
                ae_title="PACS",
                host="127.0.0.1",
                port=port,
                receives_results=True,
            ),
            got,
        )
    finally:
        server.shutdown()


def queue(ledger: Ledger, clock: FakeClock, storage: Path) -> None:
    """Put three small objects of the right classes into the outbox."""
    objects = []
    for number, (kind, uid) in enumerate(CLASSES.items()):
        sop_instance_uid = f"{STUDY}.9.{number}"
        ds = mr_instance(sop_class_uid=uid, sop_instance_uid=sop_instance_uid)
        ds.save_as(storage / f"{kind}.dcm", enforce_file_format=True)
        objects.append(ResultObject(kind, uid, sop_instance_uid, f"{kind}.dcm"))
    make_ready(ledger, clock)
    ledger.work.finish(take(ledger), Event.ANALYSED, objects=objects, destinations=["pacs"])


def courier(ledger: Ledger, storage: Path, peer: Peer) -> Courier:
    return make_courier(peer, Settings(node=NodeSection(ae_title="ME", storage=storage)), ledger)


def test_deliver_when_the_pacs_takes_no_seg_then_the_rest_arrives_and_the_study_says_why(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    queue(ledger, clock, tmp_path)
    with pacs(Comprehensive3DSRStorage, SecondaryCaptureImageStorage) as (peer, got):
        courier(ledger, tmp_path, peer).deliver()
    assert got == [Comprehensive3DSRStorage, SecondaryCaptureImageStorage]
    study = ledger.studies.get(STUDY)
    assert study.state is StudyState.UNDELIVERED
    assert study.message is not None
    assert study.message.startswith("pacs refused the seg: ")
    assert "does not accept Segmentation Storage in Explicit VR Little Endian" in study.message
    assert ledger.history(STUDY)[-1].detail == study.message


def test_deliver_when_the_pacs_rejects_the_association_then_all_waits_until_it_knows_us(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    queue(ledger, clock, tmp_path)
    with pacs(*CLASSES.values(), ae_title="OTHER") as (peer, got):
        courier(ledger, tmp_path, peer).deliver()
    assert got == []
    assert {item.state for item in ledger.outbox.of_study(STUDY)} == {DeliveryState.WAITING}
    assert (held := ledger.contacts.get("pacs")) is not None
    assert "it has another AE title" in str(held.error)
    clock.advance(3600)
    with pacs(*CLASSES.values()) as (peer, got):
        courier(ledger, tmp_path, peer).deliver()
    assert got == list(CLASSES.values())
    # It offers neither storage commitment nor query.
    assert ledger.studies.get(STUDY).state is StudyState.UNCONFIRMED
