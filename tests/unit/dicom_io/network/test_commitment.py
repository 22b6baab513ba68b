import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, SegmentationStorage

from dicom_io.network.commitment import (
    NO_SUCH_OBJECT_INSTANCE,
    CommitmentRequest,
    CommitmentResult,
    InstanceReference,
    decode_request,
    decode_result,
    encode_request,
    encode_result,
)
from dicom_io.network.identity import UnreadableInstanceError

SEG = InstanceReference(SegmentationStorage, "1.2.3.1")
MR = InstanceReference(MRImageStorage, "1.2.3.2")
TRANSACTION = "1.2.3.100"


def test_request_when_encoded_and_decoded_then_is_the_same() -> None:
    request = CommitmentRequest(TRANSACTION, (SEG, MR))

    assert decode_request(encode_request(request)) == request


@pytest.mark.parametrize(
    "result",
    [
        CommitmentResult(TRANSACTION, (SEG, MR), {}),
        CommitmentResult(TRANSACTION, (SEG,), {MR: NO_SUCH_OBJECT_INSTANCE}),
        CommitmentResult(TRANSACTION, (), {SEG: 0x0110, MR: 0x0213}),
    ],
)
def test_result_when_encoded_and_decoded_then_is_the_same(result: CommitmentResult) -> None:
    assert decode_result(encode_result(result)) == result


def test_reasons_when_instances_failed_then_are_in_words() -> None:
    result = CommitmentResult(TRANSACTION, (), {SEG: NO_SUCH_OBJECT_INSTANCE, MR: 0x0999})

    assert result.reasons() == {"1.2.3.1": "no such object instance", "1.2.3.2": "failure reason 0x0999"}


def test_decode_when_transaction_or_references_are_missing_then_is_refused() -> None:
    with pytest.raises(UnreadableInstanceError, match="without a transaction"):
        decode_result(Dataset())
    with pytest.raises(UnreadableInstanceError, match="without references"):
        decode_request(Dataset())
