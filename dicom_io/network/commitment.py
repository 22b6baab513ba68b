"""Storage commitment, Push Model (PS3.4 J.3): the data sets of N-ACTION and N-EVENT-REPORT."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom_io.network.identity import UnreadableInstanceError

FAILURE_REASONS: Mapping[int, str] = {
    0x0110: "processing failure",
    0x0112: "no such object instance",
    0x0119: "class-instance conflict",
    0x0122: "referenced SOP class not supported",
    0x0131: "duplicate transaction UID",
    0x0213: "resource limitation",
}
"""(0008,1197), PS3.3 C.14.1.1."""

NO_SUCH_OBJECT_INSTANCE = 0x0112


@dataclass(frozen=True)
class InstanceReference:
    """An instance by class and UID."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class CommitmentRequest:
    """An N-ACTION: the peer asks whether these are safe."""

    transaction_uid: str
    instances: tuple[InstanceReference, ...]


@dataclass(frozen=True)
class CommitmentResult:
    """An N-EVENT-REPORT: which instances the peer keeps, and which it does not and why.

    Parameters
    ----------
    failed
        (0008,1197) by SOP Instance UID.
    """

    transaction_uid: str
    committed: tuple[InstanceReference, ...]
    failed: Mapping[InstanceReference, int]

    def reasons(self) -> dict[str, str]:
        """Return the reason in words by SOP Instance UID."""
        return {
            reference.sop_instance_uid: FAILURE_REASONS.get(reason, f"failure reason 0x{reason:04X}")
            for reference, reason in self.failed.items()
        }


def encode_request(request: CommitmentRequest) -> Dataset:
    """Return the Action Information of N-ACTION (PS3.4 J.3.2.1.1)."""
    ds = Dataset()
    ds.TransactionUID = request.transaction_uid
    ds.ReferencedSOPSequence = [_reference_item(reference) for reference in request.instances]
    return ds


def decode_request(ds: Dataset) -> CommitmentRequest:
    """Read the Action Information of N-ACTION.

    Raises
    ------
    UnreadableInstanceError
        It has no transaction or no reference.
    """
    references = tuple(_reference(item) for item in ds.get("ReferencedSOPSequence") or ())
    if not references:
        raise UnreadableInstanceError("a storage commitment request without references")
    return CommitmentRequest(_transaction(ds), references)


def encode_result(result: CommitmentResult) -> Dataset:
    """Return the Event Information of N-EVENT-REPORT (PS3.4 J.3.3.1.1)."""
    ds = Dataset()
    ds.TransactionUID = result.transaction_uid
    if result.committed:
        ds.ReferencedSOPSequence = [_reference_item(reference) for reference in result.committed]
    if result.failed:
        items = []
        for reference, reason in result.failed.items():
            item = _reference_item(reference)
            item.FailureReason = reason
            items.append(item)
        ds.FailedSOPSequence = items
    return ds


def decode_result(ds: Dataset) -> CommitmentResult:
    """Read the Event Information of N-EVENT-REPORT.

    Raises
    ------
    UnreadableInstanceError
        It has no transaction.
    """
    failures = ds.get("FailedSOPSequence") or ()
    return CommitmentResult(
        transaction_uid=_transaction(ds),
        committed=tuple(_reference(item) for item in ds.get("ReferencedSOPSequence") or ()),
        failed={_reference(item): int(item.get("FailureReason") or 0x0110) for item in failures},
    )


def _transaction(ds: Dataset) -> str:
    uid = str(ds.get("TransactionUID") or "")
    if not uid:
        raise UnreadableInstanceError("storage commitment without a transaction UID")
    return uid


def _reference(item: Dataset) -> InstanceReference:
    return InstanceReference(str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))


def _reference_item(reference: InstanceReference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item
