"""The storage SCP: its ports, and which service of this folder serves what a peer asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Self

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association

from dicom_io.network.access import AccessPolicy
from dicom_io.network.admission import Admission, OnRejection
from dicom_io.network.commitment import CommitmentRequest, CommitmentResult, decode_request
from dicom_io.network.commitment_exchange import report_handler
from dicom_io.network.identity import UnreadableInstanceError
from dicom_io.network.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    configure_pynetdicom,
)
from dicom_io.network.limits import TransportLimits
from dicom_io.network.listener import Listener, PortTakenError
from dicom_io.network.negotiation import acceptor_contexts
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.seam import check_seam
from dicom_io.network.status import StoreStatus
from dicom_io.network.store_service import OnInstance, OnStatus, StoreService

_INVALID_ARGUMENT = 0x0115


@dataclass(frozen=True)
class ScpSettings:
    """What a receiver needs to know.

    Parameters
    ----------
    host, port
        Interface and TCP port to listen on; port 0 takes a free one, None opens no plain port.
    maximum_associations
        Served at once, on both ports and for all peers together; one more is rejected.
    tls
        Server context; with it `tls_port` is open as well.
    """

    ae_title: str
    host: str
    port: int | None
    policy: AccessPolicy
    maximum_associations: int = 25
    limits: TransportLimits = field(default_factory=TransportLimits)
    tls: SSLContext | None = None
    tls_port: int = 0


OnCommitmentResult = Callable[[CommitmentResult], None]
OnCommitmentRequest = Callable[[CommitmentRequest, Association], None]


class StorageScp:
    """A storage SCP with C-ECHO, and storage commitment as its user or as its provider.

    Parameters
    ----------
    on_instance
        Called on the thread of the association; Success must only be returned for what is durable.
    on_commitment_result
        Takes the reports of a PACS about what was sent to it.
    on_commitment_request
        Takes N-ACTION requests; where it is given, this receiver is a provider of storage commitment.
    on_rejection
        Told the calling AE title, the address and the reason of each association that is rejected.
    on_status
        Told the answer to each C-STORE, on the thread of its association.
    on_end
        Told the end of each association that was accepted: whether it was aborted, by either side or since its
        connection was lost, or released.
    """

    def __init__(
        self,
        settings: ScpSettings,
        on_instance: OnInstance,
        *,
        on_commitment_result: OnCommitmentResult | None = None,
        on_commitment_request: OnCommitmentRequest | None = None,
        on_rejection: OnRejection | None = None,
        on_status: OnStatus = lambda _: None,
        on_end: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._on_end = on_end
        self._store_service = StoreService(settings.policy, on_instance, on_rejection, on_status)
        self._admission = Admission(settings.policy, settings.maximum_associations, on_rejection)
        self._on_commitment_result = on_commitment_result
        self._on_commitment_request = on_commitment_request
        self._plain: Listener | None = None
        self._tls: Listener | None = None

    def start(self) -> None:
        """Listen on the ports of the settings.

        Raises
        ------
        PortTakenError
            Another program listens there, or this one may not.
        TransportSeamError
            The installed pynetdicom is not the tested one.
        """
        check_seam()
        configure_pynetdicom()
        settings = self._settings
        try:
            if settings.port is not None:
                self._plain = self._listener(settings.port, "node.port")
            if settings.tls is not None:
                self._tls = self._listener(settings.tls_port, "tls.port", settings.tls)
        except PortTakenError:
            self.stop()
            raise
        for listener in self._listeners():
            listener.start()

    def _listener(self, port: int, key: str, tls: SSLContext | None = None) -> Listener:
        settings = self._settings
        ae = GuardedAE(settings.ae_title, settings.limits)
        ae.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
        ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        # `Admission` decides; pynetdicom counts connections without a request as well.
        ae.maximum_associations = 1_000_000
        return Listener(
            ae,
            settings.host,
            port,
            acceptor_contexts(commits_storage=self._on_commitment_request is not None),
            self._handlers(),
            key=key,
            knows_host=settings.policy.knows_host,
            tls=tls,
            # A provider of commitment reports on associations that its peers opened, which only pynetdicom can.
            serve_store=self._store_service.serve if self._on_commitment_request is None else None,
        )

    def _listeners(self) -> list[Listener]:
        return [listener for listener in (self._plain, self._tls) if listener is not None]

    def stop(self) -> None:
        """Stop accepting and end what is open; instances that were not answered yet stay with their senders."""
        for listener in self._listeners():
            listener.stop()
        self._plain = self._tls = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def is_accepting(self) -> bool:
        """Say whether every port has looked for connections in the last seconds."""
        return all(listener.is_accepting() for listener in self._listeners())

    @property
    def port(self) -> int:
        """TCP port on which it listens without TLS.

        Raises
        ------
        RuntimeError
            There is none, or it is not started.
        """
        return _port_of(self._plain)

    @property
    def tls_port(self) -> int:
        """TCP port on which it listens with TLS.

        Raises
        ------
        RuntimeError
            There is none, or it is not started.
        """
        return _port_of(self._tls)

    def _handlers(self) -> list[Any]:
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, self._admission.admit),
            (evt.EVT_C_ECHO, lambda _event: StoreStatus.SUCCESS.value),
            (evt.EVT_C_STORE, self._store_service.serve_event),
            (evt.EVT_RELEASED, lambda _event: self._on_end(False)),
            (evt.EVT_ABORTED, lambda _event: self._on_end(True)),
        ]
        if self._on_commitment_result is not None:
            handlers.append((evt.EVT_N_EVENT_REPORT, report_handler(self._on_commitment_result)))
        if self._on_commitment_request is not None:
            handlers.append((evt.EVT_N_ACTION, self._take_commitment_request))
        return handlers

    def _take_commitment_request(self, event: evt.Event) -> tuple[int, None]:
        try:
            request = decode_request(event.action_information)
        except (UnreadableInstanceError, AttributeError, ValueError, TypeError):
            return _INVALID_ARGUMENT, None
        if self._on_commitment_request is not None:
            self._on_commitment_request(request, event.assoc)
        return StoreStatus.SUCCESS.value, None


def _port_of(listener: Listener | None) -> int:
    if listener is None:
        raise RuntimeError("the receiver does not listen there")
    return listener.port
