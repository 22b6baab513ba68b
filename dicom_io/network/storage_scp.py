"""Receive instances: pynetdicom events in, typed values to a callback, its status back."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Self, cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from dicom_io.network.access import AccessPolicy, KnownPeer, Rejection
from dicom_io.network.command_set import Command
from dicom_io.network.commitment import CommitmentRequest, CommitmentResult, decode_request
from dicom_io.network.commitment_exchange import report_handler
from dicom_io.network.identity import InstanceIdentity, UnreadableInstanceError, read_identity
from dicom_io.network.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    configure_pynetdicom,
)
from dicom_io.network.limits import TransportLimits
from dicom_io.network.listener import Listener, PortTakenError
from dicom_io.network.negotiation import (
    STORAGE_SOP_CLASSES,
    acceptor_contexts,
)
from dicom_io.network.part10 import part10_header
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.seam import check_seam
from dicom_io.network.status import StoreStatus

LOGGER = logging.getLogger(__name__)

_ERROR_COMMENT_CHARACTERS = 64
"""VR LO of (0000,0902)."""
_NOT_NOW = "it cannot be kept safely now; send it again later"
_INVALID_ARGUMENT = 0x0115


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """One instance as it came.

    Parameters
    ----------
    file_header
        Preamble and file meta information; with `data_set` behind it a complete Part 10 file.
    data_set
        The bytes as received. A view is released when the callback returns: what is to stay is copied.
    peer
        Address of the sender.
    """

    identity: InstanceIdentity
    file_header: bytes
    data_set: bytes | memoryview
    calling_ae_title: str
    peer: str


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


OnInstance = Callable[[ReceivedInstance], StoreStatus]
OnRejection = Callable[[str, str, str], None]
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
    """

    def __init__(
        self,
        settings: ScpSettings,
        on_instance: OnInstance,
        *,
        on_commitment_result: OnCommitmentResult | None = None,
        on_commitment_request: OnCommitmentRequest | None = None,
        on_rejection: OnRejection | None = None,
    ) -> None:
        self._settings = settings
        self._on_instance = on_instance
        self._on_commitment_result = on_commitment_result
        self._on_commitment_request = on_commitment_request
        self._on_rejection = on_rejection
        self._plain: Listener | None = None
        self._tls: Listener | None = None
        self._admitted: dict[Association, KnownPeer | None] = {}
        self._admission = threading.Lock()

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
        # Admission is decided in `_admit`: pynetdicom counts connections without a request as well.
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
            serve_store=self._serve_store if self._on_commitment_request is None else None,
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
            (evt.EVT_REQUESTED, self._admit),
            (evt.EVT_C_ECHO, lambda _event: StoreStatus.SUCCESS.value),
            (evt.EVT_C_STORE, self._store),
        ]
        if self._on_commitment_result is not None:
            handlers.append((evt.EVT_N_EVENT_REPORT, report_handler(self._on_commitment_result)))
        if self._on_commitment_request is not None:
            handlers.append((evt.EVT_N_ACTION, self._take_commitment_request))
        return handlers

    def _admit(self, event: evt.Event) -> None:
        assoc = event.assoc
        request = assoc.requestor.primitive
        if request is None:
            return
        host, calling = assoc.requestor.address, request.calling_ae_title
        because = ""
        rejection = self._settings.policy.rejection(
            called_ae_title=request.called_ae_title, calling_ae_title=calling, host=host
        )
        if rejection is None:
            because = self._take_slot(assoc, self._settings.policy.peer(calling_ae_title=calling, host=host))
            rejection = Rejection.LOCAL_LIMIT_EXCEEDED if because else None
        if rejection is not None:
            name = rejection.name.lower()
            LOGGER.warning("association of %r from %s rejected: %s", calling, host, because or name)
            assoc.acse.send_reject(*rejection.value)
            assoc.kill()
            if self._on_rejection is not None:
                self._on_rejection(calling, host, name)

    def _take_slot(self, assoc: Association, peer: KnownPeer | None) -> str:
        """Count an association; return which limit it would exceed, empty where none."""
        most = self._settings.maximum_associations
        own_most = peer.maximum_associations if peer is not None else None
        with self._admission:
            self._admitted = {other: whose for other, whose in self._admitted.items() if _is_served(other)}
            if len(self._admitted) >= most:
                return f"{most} are served, which is node.maximum_associations"
            own = sum(whose == peer for whose in self._admitted.values())
            if own_most is not None and own >= own_most:
                return f"{own} of this peer are served, which is its maximum_associations"
            self._admitted[assoc] = peer
            return ""

    def _store(self, event: evt.Event) -> Dataset:
        """Serve C-STORE as an event handler of pynetdicom."""
        request = cast(C_STORE, event.request)
        requested = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        data_set = event.encoded_dataset(include_meta=False)
        status, comment = self._keep(event.assoc, str(event.context.transfer_syntax), requested, data_set)
        answer = Dataset()
        answer.Status = status.value
        if comment:
            answer.ErrorComment = comment[:_ERROR_COMMENT_CHARACTERS]
        return answer

    def _serve_store(
        self, assoc: Association, context_id: int, command: Command, data_set: memoryview
    ) -> tuple[StoreStatus, str]:
        """Serve C-STORE for `StoreLoop`."""
        context = assoc._accepted_cx[context_id]
        requested = (_text(command.sop_class_uid), _text(command.sop_instance_uid))
        if not context.as_scp or requested[0] not in STORAGE_SOP_CLASSES:
            return StoreStatus.SOP_CLASS_NOT_SUPPORTED, "this node was not asked to store this SOP class"
        if requested[0] != context.abstract_syntax:
            return StoreStatus.DATA_SET_DOES_NOT_MATCH, "not the SOP class of the presentation context"
        return self._keep(assoc, str(context.transfer_syntax[0]), requested, data_set)

    def _keep(
        self,
        assoc: Association,
        transfer_syntax_uid: str,
        requested: tuple[str, str],
        data_set: bytes | memoryview,
    ) -> tuple[StoreStatus, str]:
        requestor = assoc.requestor
        calling, peer = requestor.ae_title, requestor.address
        if not self._settings.policy.may_store(calling_ae_title=calling, host=peer):
            return StoreStatus.NOT_AUTHORISED, "this AE may not store here"
        try:
            identity = read_identity(data_set, transfer_syntax_uid)
        except UnreadableInstanceError as error:
            LOGGER.warning("instance from %r refused: %s", calling, error)
            return StoreStatus.CANNOT_UNDERSTAND, str(error)
        mismatch = _mismatch(requested, identity)
        if mismatch:
            LOGGER.warning("instance %s refused: %s", identity.sop_instance_uid, mismatch)
            return StoreStatus.DATA_SET_DOES_NOT_MATCH, mismatch
        header = part10_header(identity, source_ae_title=calling)
        try:
            status = self._on_instance(ReceivedInstance(identity, header, data_set, calling.strip(), peer))
        except Exception:
            # The one place that must answer whatever happened; a bug becomes a refusal, not a lost instance.
            LOGGER.exception("instance %s could not be kept", identity.sop_instance_uid)
            return StoreStatus.PROCESSING_FAILURE, "internal fault of the receiver"
        return status, _NOT_NOW if status is StoreStatus.OUT_OF_RESOURCES else ""

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


def _is_served(assoc: Association) -> bool:
    return assoc.is_alive() and not (assoc.is_released or assoc.is_aborted)


def _mismatch(requested: tuple[str, str], identity: InstanceIdentity) -> str:
    sop_class_uid, sop_instance_uid = requested
    if sop_class_uid != identity.sop_class_uid:
        return "SOP class of request and data set differ"
    if sop_instance_uid != identity.sop_instance_uid:
        return "SOP instance of request and data set differ"
    return ""


def _text(uid: bytes) -> str:
    return uid.decode("ascii", "replace")
