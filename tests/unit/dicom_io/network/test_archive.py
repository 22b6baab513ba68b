import multiprocessing
from pathlib import Path

import pytest

from dicom_io.network.archive import Archive, ArchiveSettings, run_archive
from dicom_io.network.requestor import RemoteAE
from dicom_io.network.status import StoreStatus
from dicom_io.network.storage_scu import echo, send_files
from tests.unit.dicom_io.network.instances import write_instances


def test_archive_when_an_instance_comes_twice_then_keeps_the_last(tmp_path: Path) -> None:
    (path,) = write_instances(tmp_path, 1, sop_instance_uid="1.2.3.4", fill=1)
    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        peer = RemoteAE("ARCHIVE", "127.0.0.1", archive.port)
        send_files([path], peer, calling_ae_title="ME")
        write_instances(tmp_path, 1, sop_instance_uid="1.2.3.4", fill=2)
        send_files([path], peer, calling_ae_title="ME")
        kept = archive.find("1.2.3.4")

    assert kept is not None
    assert kept.read_bytes().endswith(b"\x02\x00" * 256)
    assert [file.name for file in (tmp_path / "archive").iterdir()] == ["1.2.3.4.dcm"]


def test_archive_when_the_folder_is_gone_then_answers_out_of_resources(tmp_path: Path) -> None:
    (path,) = write_instances(tmp_path, 1)
    with Archive(ArchiveSettings(tmp_path / "archive")) as archive:
        (tmp_path / "archive").rmdir()
        (outcome,) = send_files([path], RemoteAE("ARCHIVE", "127.0.0.1", archive.port), calling_ae_title="ME")

    assert outcome.status == StoreStatus.OUT_OF_RESOURCES


def test_run_archive_when_started_as_a_process_then_serves_until_it_is_stopped(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    stop = context.Event()
    process = context.Process(target=run_archive, args=(ArchiveSettings(tmp_path / "archive"), theirs, stop))
    process.start()
    theirs.close()
    try:
        assert ours.poll(30), "the archive does not say its port"
        port = ours.recv()
        assert isinstance(port, int)
        echo(RemoteAE("ARCHIVE", "127.0.0.1", port), calling_ae_title="ME")
    finally:
        stop.set()
        process.join(20)
        ours.close()
    assert process.exitcode == 0


def test_run_archive_when_the_port_is_taken_then_says_so(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with Archive(ArchiveSettings(tmp_path / "a")) as archive, ours, theirs:
        run_archive(ArchiveSettings(tmp_path / "b", port=archive.port), theirs, context.Event())
        assert "address already in use" in ours.recv()


@pytest.mark.parametrize("uid", ["..", ".", "..."])
def test_find_when_the_uid_is_only_dots_then_stays_in_the_folder(tmp_path: Path, uid: str) -> None:
    assert Archive(ArchiveSettings(tmp_path)).find(uid) is None
