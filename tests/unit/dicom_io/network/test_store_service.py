from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from pynetdicom.association import Association

from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID
from dicom_io.network.limits import TransportLimits
from dicom_io.network.negotiation import VERIFICATION_SOP_CLASS_UID
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.status import Disposition, StoreStatus
from dicom_io.network.storage_scu import echo, send_files
from dicom_io.network.store_service import NOT_ALLOWED_TO_STORE, ReceivedInstance
from tests.unit.dicom_io.network.instances import encode, mr_instance, write_instances
from tests.unit.dicom_io.network.receiver import AE_TITLE, Receiver, receiving, wait_until

SOP = "1.2.3.99"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_store_when_peer_is_known_then_gives_the_bytes_as_they_were_sent(
    receiver: Receiver, tmp_path: Path
) -> None:
    (path,) = write_instances(tmp_path, 1)

    (outcome,) = send_files([path], receiver.peer, calling_ae_title="SCANNER")

    assert outcome.disposition is Disposition.DELIVERED
    (received,) = receiver.instances
    assert path.read_bytes().endswith(received.data_set)
    assert received.calling_ae_title == "SCANNER"
    assert received.peer == "127.0.0.1"
    assert received.identity.sop_instance_uid == outcome.sop_instance_uid


def test_store_when_the_context_is_for_verification_then_nothing_is_kept(
    receiver: Receiver, tmp_path: Path
) -> None:
    ds = mr_instance(sop_instance_uid=SOP, sop_class_uid=VERIFICATION_SOP_CLASS_UID)
    ds.save_as(tmp_path / "no-image.dcm", enforce_file_format=True)

    (outcome,) = send_files([tmp_path / "no-image.dcm"], receiver.peer, calling_ae_title="SCANNER")

    assert outcome.disposition is Disposition.PERMANENT
    assert receiver.instances == []


def test_store_when_header_and_data_set_are_joined_then_are_a_part_10_file(
    receiver: Receiver, tmp_path: Path
) -> None:
    (path,) = write_instances(tmp_path, 1, transfer_syntax_uid=ImplicitVRLittleEndian)

    send_files([path], receiver.peer, calling_ae_title="SCANNER")

    (received,) = receiver.instances
    read = dcmread(BytesIO(received.file_header + received.data_set))
    assert read == dcmread(path)
    assert read.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert read.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert read.file_meta.SourceApplicationEntityTitle == "SCANNER"


def test_file_header_when_the_same_instance_comes_twice_then_is_the_same(
    receiver: Receiver, tmp_path: Path
) -> None:
    (path,) = write_instances(tmp_path, 1)

    for _ in range(2):
        send_files([path], receiver.peer, calling_ae_title="SCANNER")

    first, second = receiver.instances
    assert first == second


def test_store_when_peer_may_only_receive_then_is_refused_and_told_of_once(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = send_files(write_instances(tmp_path, 3), receiver.peer, calling_ae_title="VIEWER")

    assert {outcome.status for outcome in outcomes} == {StoreStatus.NOT_AUTHORISED}
    assert receiver.instances == []
    assert receiver.rejections == [("VIEWER", "127.0.0.1", NOT_ALLOWED_TO_STORE)]
    assert [record.message for record in caplog.records if "may_send" in record.message] == [
        "images of 'VIEWER' from 127.0.0.1 refused: this peer has no may_send"
    ]


@pytest.mark.parametrize("status", list(StoreStatus))
def test_store_when_the_callback_answers_then_the_peer_gets_that_status(
    receiver: Receiver, tmp_path: Path, status: StoreStatus
) -> None:
    receiver.answer = lambda _: status

    (outcome,) = send_files(write_instances(tmp_path, 1), receiver.peer, calling_ae_title="SCANNER")

    assert outcome.status == status.value


def test_store_when_the_callback_fails_then_is_answered_and_the_next_instance_is_served(
    receiver: Receiver, tmp_path: Path
) -> None:
    def fail_once(_: ReceivedInstance) -> StoreStatus:
        if len(receiver.instances) == 1:
            raise ZeroDivisionError
        return StoreStatus.SUCCESS

    receiver.answer = fail_once
    first, second = send_files(write_instances(tmp_path, 2), receiver.peer, calling_ae_title="SCANNER")

    assert (first.status, first.disposition) == (StoreStatus.PROCESSING_FAILURE, Disposition.TRANSIENT)
    assert second.disposition is Disposition.DELIVERED


def requesting(receiver: Receiver, *contexts: tuple[str, str]) -> Association:
    ae = GuardedAE("SCANNER", TransportLimits())
    for sop_class_uid, transfer_syntax_uid in contexts:
        ae.add_requested_context(sop_class_uid, transfer_syntax_uid)
    return ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)


def test_store_when_data_set_is_of_another_class_then_is_a900(receiver: Receiver) -> None:
    # send_c_store takes the class from the data set, so the request is made by hand below it.
    assoc = requesting(receiver, (EnhancedMRImageStorage, ExplicitVRLittleEndian))
    status = _store_raw(
        assoc,
        encode(mr_instance(sop_instance_uid=SOP)),
        sop_class_uid=EnhancedMRImageStorage,
        sop_instance_uid=SOP,
    )
    other = _store_raw(
        assoc,
        encode(mr_instance(sop_instance_uid=SOP, sop_class_uid=EnhancedMRImageStorage)),
        EnhancedMRImageStorage,
        "1.2.3.98",
    )
    assoc.release()

    assert status == other == StoreStatus.DATA_SET_DOES_NOT_MATCH
    assert receiver.instances == []


@pytest.mark.parametrize("garbage", [b"\x00", b"garbage without any structure", b"\xff" * 5000])
def test_store_when_data_set_is_unreadable_then_is_c000_and_the_association_goes_on(
    receiver: Receiver, garbage: bytes
) -> None:
    assoc = requesting(receiver, (MRImageStorage, ExplicitVRLittleEndian))
    refused = _store_raw(assoc, garbage, MRImageStorage, SOP)
    stored = _store_raw(assoc, encode(mr_instance(sop_instance_uid=SOP)), MRImageStorage, SOP)
    assoc.release()

    assert (refused, stored) == (StoreStatus.CANNOT_UNDERSTAND, StoreStatus.SUCCESS)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # pydicom's, on either side; off in the service
@pytest.mark.parametrize("uid", ["../../../../tmp/x", "..", "1.2\x00.3", "1.2.3/4", "\x1b[31m1.2.3", "a" * 64])
def test_store_when_uids_carry_path_or_control_characters_then_are_refused(receiver: Receiver, uid: str) -> None:
    hostile = encode(mr_instance(sop_instance_uid=SOP)).replace(
        SOP.encode(), uid.encode("latin-1").ljust(8, b"\0")[:8]
    )

    assoc = requesting(receiver, (MRImageStorage, ExplicitVRLittleEndian))
    status = _store_raw(assoc, hostile, MRImageStorage, uid)
    echo(receiver.peer, calling_ae_title="SCANNER")
    assoc.release()

    assert status in (StoreStatus.CANNOT_UNDERSTAND, StoreStatus.DATA_SET_DOES_NOT_MATCH)
    assert receiver.instances == []


def _store_raw(assoc: Association, data_set: bytes, sop_class_uid: str, sop_instance_uid: str) -> int:
    """Send C-STORE with any bytes under any identifiers, and return the status."""
    from pydicom.uid import UID  # noqa: PLC0415 - beside the rest of the raw request
    from pynetdicom.dimse_primitives import C_STORE  # noqa: PLC0415

    request = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = UID(sop_class_uid)
    request.AffectedSOPInstanceUID = UID(sop_instance_uid)
    request.DataSet = BytesIO(data_set)
    context_id = assoc.accepted_contexts[0].context_id
    assert context_id is not None
    assoc._reactor_checkpoint.clear()
    wait_until(lambda: assoc._is_paused, "the reactor pauses")
    assoc.dimse.send_msg(request, context_id)
    _, response = assoc.dimse.get_msg(block=True)
    assoc._reactor_checkpoint.set()
    assert isinstance(response, C_STORE)
    assert response.Status is not None
    return int(response.Status)
