"""C-STORE as a receiver serves it: who may, what came as typed values to a callback, and its status back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from weakref import WeakSet

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from dicom_io.network.access import AccessPolicy
from dicom_io.network.admission import OnRejection
from dicom_io.network.command_set import Command
from dicom_io.network.identity import InstanceIdentity, UnreadableInstanceError, read_identity
from dicom_io.network.negotiation import STORAGE_SOP_CLASSES
from dicom_io.network.part10 import part10_header
from dicom_io.network.status import StoreStatus

LOGGER = logging.getLogger(__name__)

_ERROR_COMMENT_CHARACTERS = 64
"""VR LO of (0000,0902)."""
_NOT_NOW = "it cannot be kept safely now; send it again later"


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


OnInstance = Callable[[ReceivedInstance], StoreStatus]
OnStatus = Callable[[StoreStatus], None]

NOT_ALLOWED_TO_STORE = "not allowed to store"
"""Reason of a rejection that leaves the association open: its peer may verify, and not send."""


class StoreService:
    """Serves C-STORE: decodes what came, gives it to a callback, and answers with its status.

    Parameters
    ----------
    policy
        Who may store.
    on_instance
        Called on the thread of the association; Success must only be returned for what is durable.
    on_rejection
        Told, once an association, of a peer whose images are refused, as of an association that is rejected.
    on_status
        Told the answer to each request.
    """

    def __init__(
        self,
        policy: AccessPolicy,
        on_instance: OnInstance,
        on_rejection: OnRejection | None = None,
        on_status: OnStatus = lambda _: None,
    ) -> None:
        self._policy = policy
        self._on_instance = on_instance
        self._on_rejection = on_rejection
        self._on_status = on_status
        self._refused: WeakSet[Association] = WeakSet()

    def serve_event(self, event: evt.Event) -> Dataset:
        """Serve C-STORE as an event handler of pynetdicom."""
        request = cast(C_STORE, event.request)
        requested = (str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        data_set = event.encoded_dataset(include_meta=False)
        status, comment = self._keep(event.assoc, str(event.context.transfer_syntax), requested, data_set)
        self._on_status(status)
        answer = Dataset()
        answer.Status = status.value
        if comment:
            answer.ErrorComment = comment[:_ERROR_COMMENT_CHARACTERS]
        return answer

    def serve(
        self, assoc: Association, context_id: int, command: Command, data_set: memoryview
    ) -> tuple[StoreStatus, str]:
        """Serve C-STORE for `StoreLoop`."""
        status, comment = self._serve(assoc, context_id, command, data_set)
        self._on_status(status)
        return status, comment

    def _serve(
        self, assoc: Association, context_id: int, command: Command, data_set: memoryview
    ) -> tuple[StoreStatus, str]:
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
        if not self._policy.may_store(calling_ae_title=calling, host=peer):
            self._tell_of_refusal(assoc, calling, peer)
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

    def _tell_of_refusal(self, assoc: Association, calling_ae_title: str, host: str) -> None:
        """Say once an association that its images are refused: it may bring thousands."""
        if assoc in self._refused:
            return
        self._refused.add(assoc)
        LOGGER.warning("images of %r from %s refused: this peer has no may_send", calling_ae_title, host)
        if self._on_rejection is not None:
            self._on_rejection(calling_ae_title, host, NOT_ALLOWED_TO_STORE)


def _mismatch(requested: tuple[str, str], identity: InstanceIdentity) -> str:
    sop_class_uid, sop_instance_uid = requested
    if sop_class_uid != identity.sop_class_uid:
        return "SOP class of request and data set differ"
    if sop_instance_uid != identity.sop_instance_uid:
        return "SOP instance of request and data set differ"
    return ""


def _text(uid: bytes) -> str:
    return uid.decode("ascii", "replace")
