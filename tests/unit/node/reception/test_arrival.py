import errno
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from dicom_io.network.commitment import CommitmentResult, InstanceReference
from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import Disposition, StoreStatus
from dicom_io.network.storage_scp import StorageScp
from dicom_io.network.storage_scu import send_files
from dicom_io.network.store_service import ReceivedInstance
from node.ledger import intake
from node.ledger.ledger import Ledger
from node.reception.arrival import Reception
from node.reception.settings import scp_settings
from node.storage.inbox import Inbox
from tests.unit.dicom_io.network.instances import write_instances
from tests.unit.node.reception_setup import node_settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def received(data_set: bytes = b"data set") -> ReceivedInstance:
    identity = InstanceIdentity("1.2.3", "1.2.3.1", "1.2.3.4", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.2.1")
    return ReceivedInstance(identity, b"header", data_set, "SCANNER", "10.0.0.7")


def reception_in(folder: Path, ledger: Ledger, free_bytes: Callable[[Path], int] | None = None) -> Reception:
    return Reception(Inbox(folder, minimum_free_bytes=1000, free_bytes=free_bytes), ledger, lambda: NOW)


def test_keep_when_new_then_lies_in_the_inbox_and_in_the_ledger(tmp_path: Path, ledger: Ledger) -> None:
    assert reception_in(tmp_path, ledger).keep(received()) is StoreStatus.SUCCESS

    (record,) = ledger.studies.instances("1.2.3")
    assert (tmp_path / record.path).read_bytes() == b"headerdata set"
    assert (record.calling_ae_title, record.peer, record.received_at) == ("SCANNER", "10.0.0.7", NOW)
    assert record.size_bytes == 14


def test_keep_when_sent_again_then_is_acknowledged_and_recorded_once(tmp_path: Path, ledger: Ledger) -> None:
    reception = reception_in(tmp_path, ledger)

    assert [reception.keep(received()) for _ in range(2)] == [StoreStatus.SUCCESS] * 2
    assert len(ledger.studies.known_paths()) == 1
    assert not ledger.studies.get("1.2.3").conflicting


def test_keep_when_sent_again_with_other_bytes_then_both_are_kept_and_the_study_is_marked(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    reception = reception_in(tmp_path, ledger)

    assert [reception.keep(received(data)) for data in (b"one", b"two")] == [StoreStatus.SUCCESS] * 2
    assert len(ledger.studies.known_paths()) == 2
    assert ledger.studies.get("1.2.3").conflicting
    assert "came again with other bytes" in caplog.text


def test_keep_when_the_file_was_damaged_and_is_sent_again_then_the_study_is_looked_at_again(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    reception = reception_in(tmp_path, ledger)
    reception.keep(received())
    before = ledger.studies.get("1.2.3")
    (record,) = ledger.studies.instances("1.2.3")
    (tmp_path / record.path).write_bytes(b"")

    assert reception.keep(received()) is StoreStatus.SUCCESS
    assert (tmp_path / record.path).read_bytes() == b"headerdata set"
    after = ledger.studies.get("1.2.3")
    assert (after.images, after.generation) == (before.images, before.generation + 1)
    assert not after.conflicting
    assert "damaged on the disk" in caplog.text


def test_keep_when_the_disk_is_full_then_is_a700_and_recovers(tmp_path: Path, ledger: Ledger) -> None:
    free = 500
    reception = reception_in(tmp_path, ledger, lambda _: free)

    assert reception.keep(received()) is StoreStatus.OUT_OF_RESOURCES
    assert ledger.studies.known_paths() == frozenset()
    free = 10_000
    assert reception.keep(received()) is StoreStatus.SUCCESS


def test_keep_when_the_ledger_is_away_then_is_a700_and_the_resent_instance_is_recorded(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reception = reception_in(tmp_path, ledger)

    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("server closed the connection"))

    with monkeypatch.context() as away:
        away.setattr(intake, "record", fail)
        assert reception.keep(received()) is StoreStatus.OUT_OF_RESOURCES
    assert "the ledger does not answer: server closed the connection" in caplog.text
    assert "Traceback" not in caplog.text

    assert reception.keep(received()) is StoreStatus.SUCCESS
    assert len(ledger.studies.known_paths()) == 1


def test_keep_when_the_disk_refuses_the_bytes_while_they_are_entered_then_the_entry_goes_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception = reception_in(tmp_path, ledger)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        assert reception.keep(received(b"one")) is StoreStatus.OUT_OF_RESOURCES
    assert reception.keep(received(b"one")) is StoreStatus.SUCCESS
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        assert reception.keep(received(b"two")) is StoreStatus.OUT_OF_RESOURCES
        assert reception.keep(received(b"one")) is StoreStatus.OUT_OF_RESOURCES
    (record,) = ledger.studies.instances("1.2.3")
    assert (tmp_path / record.path).read_bytes() == b"headerone"


def test_keep_when_the_disk_refuses_what_several_associations_bring_then_each_is_answered(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception = reception_in(tmp_path, ledger)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    # Threads that live at once, else the system gives one the number of another.
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert first.submit(reception.keep, received(b"one")).result(10) is StoreStatus.SUCCESS
        monkeypatch.setattr(os, "fsync", fail)
        for own, content in ((second, b"two"), (first, b"three"), (second, b"four")):
            assert own.submit(reception.keep, received(content)).result(10) is StoreStatus.OUT_OF_RESOURCES
    assert len(ledger.studies.known_paths()) == 1


def test_commitment_when_the_transaction_is_unknown_then_is_logged(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    result = CommitmentResult("1.2.3.9", (InstanceReference("1.2.840", "1.2.3.4"),), {})

    reception_in(tmp_path, ledger).take_commitment(result)

    assert "unknown transaction 1.2.3.9" in caplog.text


def test_store_when_the_disk_is_full_then_the_sender_gets_a700_over_the_network(
    tmp_path: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    free = 0
    reception = reception_in(tmp_path, ledger, lambda _: free)
    paths = write_instances(tmp_path, 2)
    caplog.set_level(logging.ERROR)
    with StorageScp(scp_settings(node_settings(tmp_path)), reception.keep) as scp:
        peer = RemoteAE("MVINODE", "127.0.0.1", scp.port)
        refused = send_files(paths, peer, calling_ae_title="SCANNER")
        free = 10_000_000
        taken = send_files(paths, peer, calling_ae_title="SCANNER")

    assert {(o.status, o.disposition) for o in refused} == {(0xA700, Disposition.TRANSIENT)}
    assert {o.status for o in taken} == {0x0000}
    assert len(list(Inbox(tmp_path, minimum_free_bytes=0).walk())) == 2
