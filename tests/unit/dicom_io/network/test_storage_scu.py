from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    SegmentationStorage,
)
from pynetdicom import AE, evt

from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.requestor import NothingAcceptedError, PeerError, PeerRefusedError, RemoteAE
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome, echo, send_files
from tests.unit.dicom_io.network.instances import write_instances
from tests.unit.dicom_io.network.receiver import receiving


def test_send_when_classes_and_encodings_differ_then_all_arrive_as_they_are(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    paths = [
        *write_instances(folders[0], 2),
        *write_instances(folders[1], 2, sop_class_uid=SegmentationStorage),
        *write_instances(
            folders[2], 2, sop_class_uid=EnhancedMRImageStorage, transfer_syntax_uid=ImplicitVRLittleEndian
        ),
    ]
    told: list[SendOutcome] = []

    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        peer = RemoteAE("ARCHIVE", "127.0.0.1", archive.port)
        outcomes = send_files(paths, peer, calling_ae_title="ME", on_outcome=told.append)
        kept = [archive.find(outcome.sop_instance_uid) for outcome in outcomes]

    assert [outcome.path for outcome in outcomes] == paths
    assert {outcome.disposition for outcome in outcomes} == {Disposition.DELIVERED}
    assert told == outcomes
    for path, copy in zip(paths, kept, strict=True):
        assert copy is not None
        assert dcmread(copy) == dcmread(path)
        assert dcmread(copy).file_meta.TransferSyntaxUID == dcmread(path).file_meta.TransferSyntaxUID


def test_send_when_the_peer_takes_only_implicit_then_uncompressed_is_converted(tmp_path: Path) -> None:
    (path,) = write_instances(tmp_path, 1)
    received = []
    ae = AE("OLD")
    ae.add_supported_context(MRImageStorage, ImplicitVRLittleEndian)

    def store(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0x0000

    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    try:
        peer = RemoteAE("OLD", "127.0.0.1", server.server_address[1])
        (outcome,) = send_files([path], peer, calling_ae_title="ME")
    finally:
        server.shutdown()

    assert outcome.disposition is Disposition.DELIVERED
    assert received == [dcmread(path)]


def test_send_when_one_class_is_not_accepted_then_only_that_file_is_refused(tmp_path: Path) -> None:
    folders = [tmp_path / "mr", tmp_path / "ct"]
    for folder in folders:
        folder.mkdir()
    (mr,) = write_instances(folders[0], 1)
    (ct,) = write_instances(folders[1], 1, sop_class_uid=CTImageStorage)

    with receiving() as receiver:
        refused, sent = send_files([ct, mr], receiver.peer, calling_ae_title="SCANNER")

    assert (refused.disposition, refused.status) == (Disposition.PERMANENT, None)
    assert "does not accept CT Image Storage in Explicit VR Little Endian" in refused.message
    assert sent.disposition is Disposition.DELIVERED


def test_send_when_nothing_is_accepted_then_says_so(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 1, sop_class_uid=CTImageStorage)

    with receiving() as receiver, pytest.raises(NothingAcceptedError, match=r"none.*CT Image Storage") as caught:
        send_files(paths, receiver.peer, calling_ae_title="SCANNER")
    assert not caught.value.transient
    assert caught.value.sop_class_uids == (CTImageStorage,)


def test_send_when_the_association_is_rejected_then_says_so_and_not_that_nothing_is_accepted(
    tmp_path: Path,
) -> None:
    with receiving() as receiver, pytest.raises(PeerRefusedError, match="rejected the association") as caught:
        send_files(write_instances(tmp_path, 1), receiver.peer, calling_ae_title="STRANGER")
    assert not isinstance(caught.value, NothingAcceptedError)


def test_send_when_a_file_is_unreadable_then_the_others_go(tmp_path: Path) -> None:
    broken, absent = tmp_path / "broken.dcm", tmp_path / "absent.dcm"
    broken.write_bytes(b"no DICOM")
    (good,) = write_instances(tmp_path, 1)

    with receiving() as receiver:
        first, second, third = send_files([broken, absent, good], receiver.peer, calling_ae_title="SCANNER")
        only = send_files([broken], receiver.peer, calling_ae_title="SCANNER")

    assert first.disposition is Disposition.PERMANENT
    assert "cannot be read" in first.message
    # The disk that holds it may be away.
    assert second.disposition is Disposition.TRANSIENT
    assert "cannot be read now: No such file" in second.message
    assert third.disposition is Disposition.DELIVERED
    assert only == [first]


def test_send_when_a_file_is_spoilt_on_the_way_then_the_others_go(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 3)

    def spoil(outcome: SendOutcome) -> None:
        if outcome.path == paths[0]:
            paths[1].write_bytes(b"no DICOM")

    with receiving() as receiver:
        outcomes = send_files(paths, receiver.peer, calling_ae_title="SCANNER", on_outcome=spoil)

    expected = [Disposition.DELIVERED, Disposition.PERMANENT, Disposition.DELIVERED]
    assert [outcome.disposition for outcome in outcomes] == expected
    assert "it is no DICOM file any more" in outcomes[1].message


def test_send_when_the_peer_ends_on_the_way_then_the_rest_is_transient(tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 4)
    ae = AE("FRAGILE")
    ae.add_supported_context(MRImageStorage, [ExplicitVRLittleEndian, JPEG2000Lossless])
    count = 0

    def store(event: evt.Event) -> int:
        nonlocal count
        count += 1
        if count == 3:
            event.assoc.abort()
        return 0x0000

    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    try:
        peer = RemoteAE("FRAGILE", "127.0.0.1", server.server_address[1])
        outcomes = send_files(paths, peer, calling_ae_title="ME")
    finally:
        server.shutdown()

    expected = [Disposition.DELIVERED, Disposition.DELIVERED, Disposition.TRANSIENT, Disposition.TRANSIENT]
    assert [outcome.disposition for outcome in outcomes] == expected


def test_echo_when_nothing_listens_then_says_so() -> None:
    with receiving() as receiver:
        peer = receiver.peer

    with pytest.raises(PeerError, match="no DICOM service could be reached there"):
        echo(peer, calling_ae_title="SCANNER")


def test_echo_when_the_host_is_unknown_then_says_so() -> None:
    with pytest.raises(PeerError, match="host name cannot be resolved"):
        echo(RemoteAE("PACS", "nowhere.invalid", 104), calling_ae_title="SCANNER")


@pytest.mark.parametrize(
    ("status", "disposition", "sop_instance_uid", "refused"),
    [
        (None, Disposition.PERMANENT, "1.2", True),  # Proposed in vain.
        (0x0122, Disposition.PERMANENT, "1.2", True),  # As DICOMweb says it.
        (0xA900, Disposition.PERMANENT, "1.2", False),
        (None, Disposition.PERMANENT, "", False),  # Our own file cannot be read.
        (None, Disposition.TRANSIENT, "1.2", False),
    ],
)
def test_outcome_when_told_then_it_says_whether_an_older_class_may_help(
    status: int | None, disposition: Disposition, sop_instance_uid: str, refused: bool
) -> None:
    outcome = SendOutcome(Path("sr.dcm"), sop_instance_uid, status, disposition, "words")
    assert outcome.refuses_class is refused
