import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)
from pynetdicom.association import Association

from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID
from dicom_io.network.limits import TransportLimits
from dicom_io.network.listener import PortTakenError
from dicom_io.network.negotiation import STORAGE_SOP_CLASSES, VERIFICATION_SOP_CLASS_UID
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.requestor import Context, PeerError, PeerRefusedError, RemoteAE, open_association
from dicom_io.network.status import Disposition, StoreStatus
from dicom_io.network.storage_scp import ReceivedInstance, ScpSettings, StorageScp
from dicom_io.network.storage_scu import echo, send_files
from tests.unit.dicom_io.network.instances import encode, mr_instance, write_instances
from tests.unit.dicom_io.network.receiver import AE_TITLE, POLICY, Receiver, receiving, wait_until

SOP = "1.2.3.99"
STORESCU, ECHOSCU = "/usr/bin/storescu", "/usr/bin/echoscu"


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


def test_echo_when_peer_is_known_then_is_answered(receiver: Receiver) -> None:
    echo(receiver.peer, calling_ae_title="SCANNER")
    echo(receiver.peer, calling_ae_title="VIEWER")


@pytest.mark.parametrize(
    ("called", "calling", "because"),
    [
        ("WRONG", "SCANNER", "called ae title not recognised"),
        (AE_TITLE, "STRANGER", "calling ae title not recognised"),
        (AE_TITLE, "FAR", "calling ae title not recognised"),  # A known title from another host.
    ],
)
def test_association_when_titles_or_host_do_not_fit_then_is_rejected_for_good(
    receiver: Receiver, called: str, calling: str, because: str
) -> None:
    with pytest.raises(PeerRefusedError, match=because):
        echo(RemoteAE(called, "127.0.0.1", receiver.scp.port), calling_ae_title=calling)


def test_store_when_peer_may_only_receive_then_is_refused(receiver: Receiver, tmp_path: Path) -> None:
    (outcome,) = send_files(write_instances(tmp_path, 1), receiver.peer, calling_ae_title="VIEWER")

    assert outcome.status == StoreStatus.NOT_AUTHORISED
    assert receiver.instances == []


def test_association_when_all_slots_are_taken_then_is_rejected_for_now_and_served_later() -> None:
    contexts = [Context("1.2.840.10008.1.1", (ImplicitVRLittleEndian,))]
    with receiving(maximum_associations=2) as receiver:
        first = open_association(receiver.peer, contexts, calling_ae_title="SCANNER")
        second = open_association(receiver.peer, contexts, calling_ae_title="SCANNER")
        with first, second:
            with pytest.raises(PeerError, match="local limit exceeded") as caught:
                echo(receiver.peer, calling_ae_title="SCANNER")
            assert caught.value.transient

        def served() -> bool:
            try:
                echo(receiver.peer, calling_ae_title="SCANNER")
            except PeerError:
                return False
            return True

        wait_until(served, "a slot is free again", deadline_s=5)


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


def test_negotiation_when_several_encodings_are_proposed_then_explicit_little_endian_is_taken(
    receiver: Receiver,
) -> None:
    ae = GuardedAE("SCANNER", TransportLimits())
    syntaxes = [ImplicitVRLittleEndian, ExplicitVRBigEndian, JPEG2000Lossless, ExplicitVRLittleEndian]
    ae.add_requested_context(MRImageStorage, syntaxes)
    assoc = ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)
    (context,) = assoc.accepted_contexts
    answered = assoc.acceptor.implementation_class_uid
    assoc.release()

    assert context.transfer_syntax == [ExplicitVRLittleEndian]
    assert answered == IMPLEMENTATION_CLASS_UID


def test_negotiation_when_deflated_is_proposed_then_is_not_accepted(receiver: Receiver) -> None:
    assoc = requesting(
        receiver, (MRImageStorage, DeflatedExplicitVRLittleEndian), (MRImageStorage, ImplicitVRLittleEndian)
    )
    accepted = [context.transfer_syntax for context in assoc.accepted_contexts]
    assoc.release()

    assert accepted == [[ImplicitVRLittleEndian]]


def test_negotiation_when_a_whole_liver_study_is_proposed_then_only_other_modalities_are_refused(
    receiver: Receiver,
) -> None:
    assoc = requesting(
        receiver, *((uid, ExplicitVRLittleEndian) for uid in (*STORAGE_SOP_CLASSES, CTImageStorage))
    )
    refused = [str(context.abstract_syntax) for context in assoc.rejected_contexts]
    assoc.release()

    assert refused == [CTImageStorage]


def test_start_when_the_port_is_taken_then_says_which(receiver: Receiver) -> None:
    settings = ScpSettings(AE_TITLE, "127.0.0.1", receiver.scp.port, POLICY)

    with pytest.raises(PortTakenError, match=f"port {receiver.scp.port}: address already in use; choose another"):
        StorageScp(settings, receiver.take).start()


def test_stop_when_an_association_is_open_then_ends_it_and_frees_the_port(receiver: Receiver) -> None:
    port = receiver.scp.port
    assoc = requesting(receiver, (MRImageStorage, ExplicitVRLittleEndian))

    receiver.scp.stop()

    wait_until(lambda: not assoc.is_established, "the association is aborted")
    again = StorageScp(ScpSettings(AE_TITLE, "127.0.0.1", port, POLICY), receiver.take)
    with again:
        assert again.port == port


@pytest.mark.peer("dcmtk")
def test_store_when_dcmtk_sends_then_nothing_is_lost(receiver: Receiver, tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 20)

    command = [
        STORESCU,
        "-aet",
        "SCANNER",
        "-aec",
        AE_TITLE,
        "127.0.0.1",
        str(receiver.scp.port),
        *map(str, paths),
    ]
    subprocess.run(command, check=True, timeout=60)

    sent = {dcmread(path).SOPInstanceUID for path in paths}
    assert {received.identity.sop_instance_uid for received in receiver.instances} == sent


@pytest.mark.peer("dcmtk")
def test_echo_when_dcmtk_asks_then_only_the_right_titles_are_answered(receiver: Receiver) -> None:
    def ask(called: str, calling: str) -> int:
        command = [ECHOSCU, "-aet", calling, "-aec", called, "127.0.0.1", str(receiver.scp.port)]
        return subprocess.run(command, check=False, timeout=30, capture_output=True).returncode

    assert ask(AE_TITLE, "SCANNER") == 0
    assert ask("OTHER", "SCANNER") != 0
    assert ask(AE_TITLE, "STRANGER") != 0


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
