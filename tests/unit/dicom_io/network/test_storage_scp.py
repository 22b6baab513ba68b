import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
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
from dicom_io.network.negotiation import STORAGE_SOP_CLASSES
from dicom_io.network.reactor import GuardedAE
from dicom_io.network.storage_scp import ScpSettings, StorageScp
from dicom_io.network.storage_scu import echo
from tests.unit.dicom_io.network.instances import write_instances
from tests.unit.dicom_io.network.receiver import AE_TITLE, POLICY, Receiver, receiving, wait_until

STORESCU, ECHOSCU = "/usr/bin/storescu", "/usr/bin/echoscu"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_echo_when_peer_is_known_then_is_answered(receiver: Receiver) -> None:
    echo(receiver.peer, calling_ae_title="SCANNER")
    echo(receiver.peer, calling_ae_title="VIEWER")


def requesting(receiver: Receiver, *contexts: tuple[str, str]) -> Association:
    ae = GuardedAE("SCANNER", TransportLimits())
    for sop_class_uid, transfer_syntax_uid in contexts:
        ae.add_requested_context(sop_class_uid, transfer_syntax_uid)
    return ae.associate("127.0.0.1", receiver.scp.port, ae_title=AE_TITLE)


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
