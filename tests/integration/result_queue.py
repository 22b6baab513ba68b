"""An outbox with small results in it, and couriers as the node makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import Comprehensive3DSRStorage, SecondaryCaptureImageStorage, SegmentationStorage

from config.sections.node import NodeSection, TlsSection
from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.requestor import RemoteAE
from node.delivery.couriers import make_courier
from node.delivery.outbox import Courier
from node.ledger.delivery_records import Delivery, DeliveryState
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind, ResultObject
from node.states import Event, StudyState
from tests.unit.dicom_io.network.instances import mr_instance
from tests.unit.node.doubles import STUDY, FakeClock, make_ready, take

SOP_CLASSES: Mapping[ObjectKind, str] = {
    ObjectKind.SEG: SegmentationStorage,
    ObjectKind.SR: Comprehensive3DSRStorage,
    ObjectKind.SUMMARY: SecondaryCaptureImageStorage,
}
NODE_AE_TITLE = "MVINODE"
ROWS = 256
"""Enough that a peer writes before it closes the file: only then does DCMTK notice a full disk."""


@dataclass
class ResultQueue:
    """The outbox of a node that analyses nothing.

    Parameters
    ----------
    storage
        Of the node.
    timeout_s
        Silence of a peer after which it is given up, s.
    """

    storage: Path
    ledger: Ledger
    clock: FakeClock
    timeout_s: float = 20.0
    tls: TlsSection = field(default_factory=TlsSection)

    def put(self, study: str = STUDY) -> None:
        """Put three small objects of the right classes into the outbox."""
        objects = []
        for number, (kind, uid) in enumerate(SOP_CLASSES.items()):
            sop_instance_uid = f"{study}.9.{number}"
            ds = mr_instance(
                sop_class_uid=uid,
                sop_instance_uid=sop_instance_uid,
                study_instance_uid=study,
                rows=ROWS,
            )
            ds.SeriesInstanceUID = f"{study}.8.{number}"
            # What a PACS needs for its index; nobody's name.
            ds.PatientName, ds.StudyDate, ds.StudyTime = "PHANTOM^DELIVERY", "20260301", "120000"
            ds.StudyID, ds.AccessionNumber, ds.SeriesNumber = "1", "A1", 9001 + number
            ds.save_as(self.storage / f"{sop_instance_uid}.dcm", enforce_file_format=True)
            objects.append(ResultObject(kind, uid, sop_instance_uid, f"{sop_instance_uid}.dcm"))
        make_ready(self.ledger, self.clock, study)
        self.ledger.work.finish(take(self.ledger), Event.ANALYSED, objects=objects, destinations=["pacs"])

    def settings(self) -> Settings:
        """Return the settings of the node."""
        node = NodeSection(ae_title=NODE_AE_TITLE, storage=self.storage, network_timeout_s=self.timeout_s)
        return Settings(node=node, tls=self.tls)

    def courier(self, to: Peer) -> Courier:
        """Return what delivers to a peer; a new one is what a node is that was started again."""
        return make_courier(to, self.settings(), self.ledger)

    def states(self, study: str = STUDY) -> dict[ObjectKind, DeliveryState]:
        """Return where each object of a study stands."""
        return {kind: item.state for kind, item in self.rows(study).items()}

    def rows(self, study: str = STUDY) -> dict[ObjectKind, Delivery]:
        """Return the outbox of a study."""
        return {item.kind: item for item in self.ledger.outbox.of_study(study)}

    def study_state(self, study: str = STUDY) -> StudyState:
        """Return the state of a study."""
        return self.ledger.studies.get(study).state


def peer_of(remote: RemoteAE, **changes: object) -> Peer:
    """Return a peer of the settings that receives results."""
    values = {"name": "pacs", "ae_title": remote.ae_title, "host": remote.host, "port": remote.port}
    return Peer.model_validate({**values, "receives_results": True, **changes})
