"""Storage commitment on the wire (PS3.4 J.3): both requests, over an association, and the handler of a report."""

from collections.abc import Callable, Iterable
from threading import Event as Signal
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import build_role, evt
from pynetdicom.association import Association

from dicom_io.network.commitment import (
    CommitmentRequest,
    CommitmentResult,
    InstanceReference,
    decode_result,
    encode_request,
    encode_result,
)
from dicom_io.network.identity import UnreadableInstanceError
from dicom_io.network.limits import TransportLimits
from dicom_io.network.negotiation import (
    STORAGE_COMMITMENT_INSTANCE_UID,
    STORAGE_COMMITMENT_SOP_CLASS_UID,
    UNCOMPRESSED_TRANSFER_SYNTAXES,
)
from dicom_io.network.requestor import Context, PeerRefusedError, RemoteAE, UnansweredError, open_association

REQUEST_STORAGE_COMMITMENT = 1
"""Action Type ID (PS3.4 J.3.2.1)."""
ALL_COMMITTED, SOME_FAILED = 1, 2
"""Event Type IDs (PS3.4 J.3.3.1)."""
_CONTEXT = Context(STORAGE_COMMITMENT_SOP_CLASS_UID, UNCOMPRESSED_TRANSFER_SYNTAXES)


def request_commitment(
    peer: RemoteAE,
    instances: Iterable[InstanceReference],
    transaction_uid: str,
    *,
    calling_ae_title: str,
    limits: TransportLimits | None = None,
    wait_s: float = 0.0,
) -> CommitmentResult | None:
    """Ask a peer to take responsibility for instances it has got.

    Parameters
    ----------
    transaction_uid
        Of this request; the report refers to it.
    wait_s
        How long the association stays open for a report on it, s. Most PACS report on an association which
        they open later, to the receiver of the node.

    Returns
    -------
    CommitmentResult | None
        The report where it came on this association, otherwise None: it will come to the receiver.

    Raises
    ------
    PeerError
        The peer cannot be reached or does not take the request.
    """
    arrived: list[CommitmentResult] = []
    signal = Signal()

    def take(result: CommitmentResult) -> None:
        if result.transaction_uid == transaction_uid:
            arrived.append(result)
            signal.set()

    action = encode_request(CommitmentRequest(transaction_uid, tuple(instances)))
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, report_handler(take))]
    with open_association(
        peer, [_CONTEXT], calling_ae_title=calling_ae_title, limits=limits, handlers=handlers
    ) as assoc:
        _demand_context(peer, assoc)
        status, _ = assoc.send_n_action(
            action, REQUEST_STORAGE_COMMITMENT, STORAGE_COMMITMENT_SOP_CLASS_UID, STORAGE_COMMITMENT_INSTANCE_UID
        )
        _demand_success(peer, status, "the storage commitment request")
        if wait_s > 0:
            signal.wait(wait_s)
    return arrived[0] if arrived else None


def report_commitment(peer: RemoteAE, result: CommitmentResult, *, calling_ae_title: str) -> None:
    """Send the result of a request on a new association, in the SCP role.

    Raises
    ------
    PeerError
        The peer cannot be reached or does not take the report.
    """
    role = build_role(STORAGE_COMMITMENT_SOP_CLASS_UID, scp_role=True)
    with open_association(peer, [_CONTEXT], calling_ae_title=calling_ae_title, extensions=[role]) as assoc:
        _demand_context(peer, assoc)
        report_on(assoc, peer, result)


def report_on(assoc: Association, peer: RemoteAE, result: CommitmentResult) -> None:
    """Send the result of a request on an open association.

    Raises
    ------
    PeerError
        The association is gone, or the peer does not take the report.
    """
    try:
        status, _ = assoc.send_n_event_report(
            encode_result(result),
            SOME_FAILED if result.failed else ALL_COMMITTED,
            STORAGE_COMMITMENT_SOP_CLASS_UID,
            STORAGE_COMMITMENT_INSTANCE_UID,
        )
    except (RuntimeError, ValueError) as error:
        raise PeerRefusedError(peer, "it does not take storage commitment reports on this association") from error
    _demand_success(peer, status, "the storage commitment report")


def report_handler(take: Callable[[CommitmentResult], None]) -> Callable[[evt.Event], tuple[int, None]]:
    """Return a handler of N-EVENT-REPORT that gives the decoded result to `take`."""

    def handle(event: evt.Event) -> tuple[int, None]:
        try:
            result = decode_result(event.event_information)
        except (UnreadableInstanceError, AttributeError, ValueError, TypeError):
            return 0x0115, None  # Invalid argument value, PS3.7 C.5.
        take(result)
        return 0x0000, None

    return handle


def _demand_context(peer: RemoteAE, assoc: Association) -> None:
    if not assoc.accepted_contexts:
        raise PeerRefusedError(peer, "it does not offer storage commitment")


def _demand_success(peer: RemoteAE, status: Dataset, what: str) -> None:
    if "Status" not in status:
        raise UnansweredError(peer, f"it did not answer {what}")
    if status.Status != 0x0000:
        raise PeerRefusedError(peer, f"it answered {what} with status 0x{status.Status:04X}")
