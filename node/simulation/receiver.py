"""The PACS: keeps what the node sends of the studies of this run, commits to it, and remembers when it came."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from config.errors import ConfigError
from dicom_io.network.access import AccessPolicy, KnownPeer, resolve_addresses
from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.commitment import CommitmentResult
from dicom_io.network.listener import PortTakenError
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import StoreStatus
from dicom_io.network.store_service import ReceivedInstance
from dicom_io.network.tls import server_context


@dataclass(frozen=True)
class Arrival:
    """One object, however often it came.

    Parameters
    ----------
    first_s
        When it came first, on the clock of the receiver, s.
    times
        How often it came.
    is_committed
        Whether the node asked for storage commitment and got it.
    """

    path: Path
    sop_class_uid: str
    study_instance_uid: str
    first_s: float
    times: int = 1
    is_committed: bool = False


class Receiver:
    """A storage SCP with storage commitment that only the node may call.

    Parameters
    ----------
    folder
        For the objects.
    own
        Under which AE title and address it listens, and with which certificate.
    node
        Whose associations are taken, and where it gets the reports of storage commitment.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, folder: Path, own: RemoteAE, node: RemoteAE, monotonic_s: Callable[[], float]) -> None:
        addresses = resolve_addresses(node.host)
        access = AccessPolicy(own.ae_title, (KnownPeer(node.ae_title, addresses, may_store=True),))
        callbacks = {node.ae_title: node}
        tls = None if own.tls is None else server_context(own.tls.files)
        settings = ArchiveSettings(folder, own.ae_title, own.host, own.port, callbacks, access, tls)
        self._archive = Archive(settings, self)
        self._own = own
        self._monotonic_s = monotonic_s
        self._changed = threading.Condition()
        self._expected: set[str] = set()
        self._arrivals: dict[str, Arrival] = {}
        self._foreign = 0
        self._rejected: set[tuple[str, str]] = set()

    def expect(self, study_instance_uids: Iterable[str]) -> None:
        """Take objects of these studies from now on; those of any other study are refused."""
        with self._changed:
            self._expected.update(study_instance_uids)

    def arrivals(self) -> dict[str, Arrival]:
        """Return what came so far, by SOP Instance UID."""
        with self._changed:
            return dict(self._arrivals)

    def wait(self, timeout_s: float) -> None:
        """Wait until something comes, at most so long."""
        with self._changed:
            self._changed.wait(timeout_s)

    def remarks(self) -> list[str]:
        """Say what else happened at the door."""
        with self._changed:
            said = [
                f"an association of {calling} from {address} was rejected: only the node may call"
                for calling, address in sorted(self._rejected)
            ]
            if not self._arrivals:
                said.append(
                    f"nothing came to {self._own}: on the node, `mvi-node queue` says whether it tried, and "
                    "`mvi-node peers echo` whether it can"
                )
            if self._foreign:
                said.append(f"{self._foreign} objects of studies that are not of this run were refused")
            return said

    def admit(self, received: ReceivedInstance) -> StoreStatus:
        """Refuse what belongs to other studies: it must not count as delivered to a PACS."""
        with self._changed:
            if received.identity.study_instance_uid in self._expected:
                return StoreStatus.SUCCESS
            self._foreign += 1
        return StoreStatus.NOT_AUTHORISED

    def kept(self, received: ReceivedInstance, path: Path) -> None:
        """Remember an object."""
        identity, now_s = received.identity, self._monotonic_s()
        with self._changed:
            known = self._arrivals.get(identity.sop_instance_uid)
            fresh = Arrival(path, identity.sop_class_uid, identity.study_instance_uid, now_s)
            self._arrivals[identity.sop_instance_uid] = (
                replace(known, times=known.times + 1) if known is not None else fresh
            )
            self._changed.notify_all()

    def reported(self, result: CommitmentResult) -> None:
        """Remember what the node was told to be safe."""
        with self._changed:
            for reference in result.committed:
                known = self._arrivals.get(reference.sop_instance_uid)
                if known is not None:
                    self._arrivals[reference.sop_instance_uid] = replace(known, is_committed=True)
            self._changed.notify_all()

    def rejected(self, calling_ae_title: str, address: str) -> None:
        """Remember who was turned away."""
        with self._changed:
            self._rejected.add((calling_ae_title.strip(), address))
            self._changed.notify_all()

    def __enter__(self) -> Self:
        try:
            self._archive.start()
        except PortTakenError as error:
            because = str(error).partition(";")[0]
            advice = "name another with --port and --host, and the same in the peer on the node"
            raise ConfigError([f"{because}, where results would be received; {advice}"]) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.stop()
