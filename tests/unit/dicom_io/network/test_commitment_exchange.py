from pathlib import Path

import pytest
from pydicom.uid import MRImageStorage, SegmentationStorage
from pynetdicom import build_role

from dicom_io.network.archive import Archive, ArchiveSettings
from dicom_io.network.commitment import (
    NO_SUCH_OBJECT_INSTANCE,
    CommitmentResult,
    InstanceReference,
)
from dicom_io.network.commitment_exchange import report_commitment, request_commitment
from dicom_io.network.negotiation import STORAGE_COMMITMENT_SOP_CLASS_UID, UNCOMPRESSED_TRANSFER_SYNTAXES
from dicom_io.network.requestor import Context, PeerError, PeerRefusedError, RemoteAE, open_association
from dicom_io.network.storage_scu import send_files
from tests.unit.dicom_io.network.instances import write_instances
from tests.unit.dicom_io.network.receiver import AE_TITLE, receiving, wait_until

SEG = InstanceReference(SegmentationStorage, "1.2.3.1")
TRANSACTION = "1.2.3.100"


def test_commitment_when_the_pacs_reports_on_the_same_association_then_the_result_comes_back(
    tmp_path: Path,
) -> None:
    (path,) = write_instances(tmp_path, 1)
    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        peer = RemoteAE("ARCHIVE", "127.0.0.1", archive.port)
        (outcome,) = send_files([path], peer, calling_ae_title=AE_TITLE)
        sent = InstanceReference(MRImageStorage, outcome.sop_instance_uid)

        result = request_commitment(peer, [sent, SEG], TRANSACTION, calling_ae_title=AE_TITLE, wait_s=10)

    assert result == CommitmentResult(TRANSACTION, (sent,), {SEG: NO_SUCH_OBJECT_INSTANCE})


def test_commitment_when_the_class_is_another_then_is_not_confirmed(tmp_path: Path) -> None:
    (path,) = write_instances(tmp_path, 1)
    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        peer = RemoteAE("ARCHIVE", "127.0.0.1", archive.port)
        (outcome,) = send_files([path], peer, calling_ae_title=AE_TITLE)
        wrong = InstanceReference(SegmentationStorage, outcome.sop_instance_uid)

        result = request_commitment(peer, [wrong], TRANSACTION, calling_ae_title=AE_TITLE, wait_s=10)

    assert result is not None
    assert result.committed == ()


def test_commitment_when_the_pacs_calls_back_then_the_receiver_gets_the_result(tmp_path: Path) -> None:
    (path,) = write_instances(tmp_path, 1)
    with receiving() as receiver:
        callbacks = {"VIEWER": receiver.peer}
        with Archive(ArchiveSettings(tmp_path / "archive", ae_title="SCANNER", callbacks=callbacks)) as archive:
            peer = RemoteAE("SCANNER", "127.0.0.1", archive.port)
            (outcome,) = send_files([path], peer, calling_ae_title="VIEWER")
            sent = InstanceReference(MRImageStorage, outcome.sop_instance_uid)

            assert request_commitment(peer, [sent], TRANSACTION, calling_ae_title="VIEWER") is None
            wait_until(lambda: bool(receiver.results), "the report arrives")

    assert receiver.results == [CommitmentResult(TRANSACTION, (sent,), {})]


def test_report_when_the_pacs_proposes_no_role_then_is_taken_as_well() -> None:
    # Several PACS report without SCP/SCU role selection.
    context = [Context(STORAGE_COMMITMENT_SOP_CLASS_UID, UNCOMPRESSED_TRANSFER_SYNTAXES)]
    with receiving() as receiver:
        with open_association(receiver.peer, context, calling_ae_title="SCANNER") as without_role:
            assert [context.abstract_syntax for context in without_role.accepted_contexts]
        role = [build_role(STORAGE_COMMITMENT_SOP_CLASS_UID, scp_role=True)]
        with open_association(receiver.peer, context, calling_ae_title="SCANNER", extensions=role) as with_role:
            assert [context.as_scp for context in with_role.accepted_contexts] == [True]


def test_report_when_it_cannot_be_decoded_then_is_refused() -> None:
    with receiving() as receiver, pytest.raises(PeerRefusedError, match="status 0x0115"):
        report_commitment(receiver.peer, CommitmentResult("", (SEG,), {}), calling_ae_title="SCANNER")


def test_report_when_the_peer_is_gone_then_is_an_error_worth_another_attempt() -> None:
    with receiving() as receiver:
        peer = receiver.peer

    with pytest.raises(PeerError, match="no DICOM service could be reached") as caught:
        report_commitment(peer, CommitmentResult(TRANSACTION, (SEG,), {}), calling_ae_title="SCANNER")
    assert caught.value.transient


def test_request_when_the_peer_is_no_archive_then_says_so() -> None:
    with receiving() as receiver, pytest.raises(PeerRefusedError, match="status 0x"):
        request_commitment(receiver.peer, [SEG], TRANSACTION, calling_ae_title="SCANNER")
