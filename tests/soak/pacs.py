"""The PACS of a soak: it goes away and comes back on its port, answers late, and remembers what came how often."""

import hashlib
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.commitment import CommitmentResult
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import StoreStatus
from dicom_io.network.store_service import ReceivedInstance
from tests.faults.victim import LOOPBACK
from tests.integration.orthanc import free_port

PACS = "PACS"
REPORT = "1.2.840.10008.5.1.4.1.1.88.34"


@dataclass
class Kept:
    """One object at the PACS, however often it came.

    Parameters
    ----------
    contents
        SHA-256 of every content that came under its UID.
    """

    path: Path
    sop_class_uid: str
    study_instance_uid: str
    contents: set[str] = field(default_factory=set)
    times: int = 0


class SoakPacs:
    """An embedded PACS that is switched on and off; what it holds stays.

    Parameters
    ----------
    folder
        Of its files.
    """

    def __init__(self, folder: Path) -> None:
        self.kept_objects: dict[str, Kept] = {}
        self.delay_s = 0.0
        """How long each object waits for its answer, s."""
        self._settings = ArchiveSettings(folder, PACS, LOOPBACK, free_port())
        self._archive: Archive | None = None
        self._lock = threading.Lock()

    def up(self) -> None:
        """Listen."""
        self._archive = Archive(self._settings, self)
        self._archive.start()

    def report_to(self, node: RemoteAE) -> None:
        """Report commitments on associations of its own, from the next start on, as most archives do."""
        self._settings = replace(self._settings, callbacks={node.ae_title: node})

    def down(self) -> None:
        """Listen no more; associations that are open end."""
        if self._archive is not None:
            self._archive.stop()
            self._archive = None

    def as_peer(self) -> dict[str, object]:
        """Return its entry in the configuration of a node."""
        return {
            "name": "pacs", "ae_title": PACS, "host": LOOPBACK, "port": self._settings.port,
            "receives_results": True, "objects_per_minute": 6000,
        }  # fmt: skip

    def reports(self, study_instance_uid: str) -> list[Path]:
        """Return the files of the reports of a study."""
        with self._lock:
            return [
                item.path
                for item in self.kept_objects.values()
                if item.study_instance_uid == study_instance_uid and item.sop_class_uid == REPORT
            ]

    def studies(self) -> set[str]:
        """Return the studies that any object came for."""
        with self._lock:
            return {item.study_instance_uid for item in self.kept_objects.values()}

    def admit(self, _received: ReceivedInstance) -> StoreStatus:
        """Take everything, after a while."""
        time.sleep(self.delay_s)
        return StoreStatus.SUCCESS

    def kept(self, received: ReceivedInstance, path: Path) -> None:
        """Remember an object."""
        identity = received.identity
        fresh = Kept(path, identity.sop_class_uid, identity.study_instance_uid)
        with self._lock:
            item = self.kept_objects.setdefault(identity.sop_instance_uid, fresh)
            item.contents.add(hashlib.sha256(received.data_set).hexdigest())
            item.times += 1

    def reported(self, result: CommitmentResult) -> None:
        """Whether the node heard it, its ledger says."""

    def rejected(self, calling_ae_title: str, address: str) -> None:
        """Only the node calls."""
