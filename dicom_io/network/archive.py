"""The embedded PACS: keeps what it gets and commits to it. For demonstration and tests, not for patients."""

import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as StopEvent
from pathlib import Path
from ssl import SSLContext
from typing import Protocol, Self

from pynetdicom.association import Association

from config.errors import NodeError
from dicom_io.network.access import AccessPolicy
from dicom_io.network.commitment import (
    NO_SUCH_OBJECT_INSTANCE,
    CommitmentRequest,
    CommitmentResult,
    InstanceReference,
)
from dicom_io.network.commitment_exchange import report_commitment, report_on
from dicom_io.network.identity import read_file_identity
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.status import StoreStatus
from dicom_io.network.storage_scp import ScpSettings, StorageScp
from dicom_io.network.store_service import ReceivedInstance

LOGGER = logging.getLogger(__name__)

_AFTER_RESPONSE_S = 0.2
"""Delay of a report on the requester's own association, so that the N-ACTION response goes first."""


@dataclass(frozen=True)
class ArchiveSettings:
    """What the embedded PACS needs to know.

    Parameters
    ----------
    folder
        Where the files lie; it is made.
    callbacks
        Where each calling AE title wants its storage commitment reports; others get them on their own
        association.
    access
        Who may store; absent: every AE title on this machine.
    tls
        Server context; with it, `port` is for TLS alone.
    """

    folder: Path
    ae_title: str = "ARCHIVE"
    host: str = "127.0.0.1"
    port: int = 0
    callbacks: Mapping[str, RemoteAE] = field(default_factory=dict)
    access: AccessPolicy | None = None
    tls: SSLContext | None = None


class ArchiveWatcher(Protocol):
    """Looks on while the embedded PACS works; called on the threads of its associations."""

    def admit(self, received: ReceivedInstance) -> StoreStatus:
        """Return what an instance is answered with; anything but Success means that it is not kept."""

    def kept(self, received: ReceivedInstance, path: Path) -> None:
        """Take notice that an instance lies in `path`; one that came before is overwritten."""

    def reported(self, result: CommitmentResult) -> None:
        """Take notice of a storage commitment report that was delivered."""

    def rejected(self, calling_ae_title: str, address: str) -> None:
        """Take notice of an association that was rejected."""


class Archive:
    """A storage SCP with storage commitment, open to every AE title on this machine.

    Parameters
    ----------
    watcher
        Told of everything; none where absent.
    """

    def __init__(self, settings: ArchiveSettings, watcher: ArchiveWatcher | None = None) -> None:
        self._settings = settings
        self._watcher = watcher
        policy = settings.access or AccessPolicy(settings.ae_title, open_to_loopback=True)
        plain = settings.port if settings.tls is None else None
        self._scp = StorageScp(
            ScpSettings(settings.ae_title, settings.host, plain, policy, tls=settings.tls, tls_port=settings.port),
            self._keep,
            on_commitment_request=self._commit,
            on_rejection=lambda calling, host, _reason: watcher.rejected(calling, host) if watcher else None,
        )

    def start(self) -> int:
        """Listen, and return the port."""
        self._settings.folder.mkdir(parents=True, exist_ok=True)
        self._scp.start()
        return self.port

    def stop(self) -> None:
        """Stop listening; the files stay."""
        self._scp.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """TCP port on which it listens."""
        return self._scp.port if self._settings.tls is None else self._scp.tls_port

    def find(self, sop_instance_uid: str) -> Path | None:
        """Return the file of an instance, None where it is not kept."""
        path = self._settings.folder / _file_name(sop_instance_uid)
        return path if path.exists() else None

    def _keep(self, received: ReceivedInstance) -> StoreStatus:
        admitted = self._watcher.admit(received) if self._watcher else StoreStatus.SUCCESS
        if admitted is not StoreStatus.SUCCESS:
            return admitted
        folder = self._settings.folder
        path = folder / _file_name(received.identity.sop_instance_uid)
        part = folder / f".{uuid.uuid4().hex}.part"
        try:
            with part.open("xb") as file:
                file.write(received.file_header)
                file.write(received.data_set)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            LOGGER.exception("instance %s could not be written", received.identity.sop_instance_uid)
            part.unlink(missing_ok=True)
            return StoreStatus.OUT_OF_RESOURCES
        if self._watcher:
            self._watcher.kept(received, path)
        return StoreStatus.SUCCESS

    def _commit(self, request: CommitmentRequest, assoc: Association) -> None:
        kept = tuple(reference for reference in request.instances if self._is_kept(reference))
        failed = {ref: NO_SUCH_OBJECT_INSTANCE for ref in request.instances if ref not in kept}
        result = CommitmentResult(request.transaction_uid, kept, failed)
        timer = threading.Timer(_AFTER_RESPONSE_S, self._report, args=(result, assoc))
        timer.daemon = True
        timer.start()

    def _is_kept(self, reference: InstanceReference) -> bool:
        path = self.find(reference.sop_instance_uid)
        return path is not None and read_file_identity(path).identity.sop_class_uid == reference.sop_class_uid

    def _report(self, result: CommitmentResult, assoc: Association) -> None:
        requester = assoc.requestor.ae_title.strip()
        callback = self._settings.callbacks.get(requester)
        try:
            if callback is not None:
                report_commitment(callback, result, calling_ae_title=self._settings.ae_title)
            else:
                report_on(assoc, RemoteAE(requester, assoc.requestor.address, assoc.requestor.port), result)
            if self._watcher:
                self._watcher.reported(result)
        except PeerError as error:
            LOGGER.warning("storage commitment report not delivered: %s", error)


def run_archive(settings: ArchiveSettings, ready: Connection, stop: StopEvent) -> None:
    """Run the embedded PACS as a process until `stop` is set.

    Parameters
    ----------
    ready
        Gets the port once it listens, or one sentence where it cannot.
    """
    archive = Archive(settings)
    try:
        ready.send(archive.start())
    except (NodeError, OSError) as error:
        ready.send(str(error))
        return
    try:
        stop.wait()
    finally:
        archive.stop()


def _file_name(sop_instance_uid: str) -> str:
    # Identifiers that reach this point match [0-9.]{1,64}; the hash keeps "." and ".." from meaning something.
    if sop_instance_uid.strip("."):
        return f"{sop_instance_uid}.dcm"
    return f"{hashlib.sha256(sop_instance_uid.encode()).hexdigest()}.dcm"
