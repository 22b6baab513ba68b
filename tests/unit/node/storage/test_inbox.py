import errno
import hashlib
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom_io.network.identity import InstanceIdentity
from node.owner import worker_name
from node.storage.durable_files import Arrival
from node.storage.inbox import Inbox, InboxError, StorageFullError

HEADER = b"\0" * 128 + b"DICM"


def identity(sop_instance_uid: str = "1.2.3.4", study_instance_uid: str = "1.2.3") -> InstanceIdentity:
    return InstanceIdentity(study_instance_uid, "1.2.3.1", sop_instance_uid, "1.2.840", "1.2.840.10008.1.2.1")


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path, minimum_free_bytes=0)


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_place_when_new_then_the_file_holds_header_and_data_set(inbox: Inbox, tmp_path: Path) -> None:
    placement = inbox.place(identity(), HEADER, b"data set")

    assert placement.arrival is Arrival.NEW
    assert placement.content_sha256 == hashlib.sha256(b"data set").hexdigest()
    assert placement.size_bytes == len(HEADER) + 8
    assert inbox.absolute(placement.path).read_bytes() == HEADER + b"data set"
    assert files_below(tmp_path) == [inbox.absolute(placement.path)]


def test_place_when_bytes_are_the_same_then_keeps_them_once(inbox: Inbox, tmp_path: Path) -> None:
    first = inbox.place(identity(), HEADER, b"data set")
    second = inbox.place(identity(), b"another header", b"data set")

    assert second.arrival is Arrival.SAME
    assert second.path == first.path
    assert inbox.absolute(first.path).read_bytes() == HEADER + b"data set"
    assert len(files_below(tmp_path)) == 1


@pytest.mark.parametrize("damaged", [b"", HEADER, HEADER + b"data sea", b"data set"])
def test_place_when_the_file_was_damaged_on_the_disk_then_it_is_whole_again(
    inbox: Inbox, tmp_path: Path, damaged: bytes
) -> None:
    first = inbox.place(identity(), HEADER, b"data set")
    inbox.absolute(first.path).write_bytes(damaged)

    again = inbox.place(identity(), HEADER, b"data set")
    assert again.arrival is Arrival.REPAIRED
    assert again.path == first.path
    assert inbox.absolute(first.path).read_bytes() == HEADER + b"data set"
    assert len(files_below(tmp_path)) == 1
    assert inbox.place(identity(), HEADER, b"data set").arrival is Arrival.SAME


def test_place_when_the_folder_for_arriving_files_was_removed_then_makes_it_again(
    inbox: Inbox, tmp_path: Path
) -> None:
    (tmp_path / "inbox" / ".arriving").rmdir()
    assert inbox.place(identity(), HEADER, b"data set").arrival is Arrival.NEW


def test_place_when_bytes_differ_then_keeps_both(inbox: Inbox) -> None:
    first = inbox.place(identity(), HEADER, b"one")
    second = inbox.place(identity(), HEADER, b"two")
    again = inbox.place(identity(), HEADER, b"two")

    assert [first.arrival, second.arrival, again.arrival] == [Arrival.NEW, Arrival.NEW, Arrival.SAME]
    assert inbox.absolute(first.path).read_bytes().endswith(b"one")
    assert inbox.absolute(second.path).read_bytes().endswith(b"two")


def test_place_when_one_instance_is_in_two_studies_then_neither_is_a_duplicate(inbox: Inbox) -> None:
    assert inbox.place(identity(study_instance_uid="1.2.3"), HEADER, b"x").arrival is Arrival.NEW
    assert inbox.place(identity(study_instance_uid="1.2.4"), HEADER, b"x").arrival is Arrival.NEW


def test_place_when_several_associations_bring_one_instance_then_one_file_results(
    inbox: Inbox, tmp_path: Path
) -> None:
    barrier = threading.Barrier(8)

    def bring(_: int) -> Arrival:
        barrier.wait(10)
        return inbox.place(identity(), HEADER, b"data set").arrival

    with ThreadPoolExecutor(8) as pool:
        arrivals = list(pool.map(bring, range(8)))

    assert sorted(arrivals) == [Arrival.NEW] + [Arrival.SAME] * 7
    assert len(files_below(tmp_path)) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(study=st.text(max_size=80), instance=st.text(max_size=80))
def test_place_when_uids_are_any_text_then_stays_in_the_inbox(tmp_path: Path, study: str, instance: str) -> None:
    inbox = Inbox(tmp_path / "storage", minimum_free_bytes=0)

    placement = inbox.place(identity(instance, study), HEADER, b"data set")

    path = inbox.absolute(placement.path).resolve()
    assert path.is_file()
    assert path.parent.parent == (tmp_path / "storage" / "inbox").resolve()


@pytest.mark.parametrize("uid", ["../../../../etc/passwd", "..", "/etc/passwd", "1.2\0.3", "a" * 5000, "\ud800"])
def test_place_when_a_uid_is_hostile_then_nothing_lies_outside(tmp_path: Path, uid: str) -> None:
    inbox = Inbox(tmp_path / "storage", minimum_free_bytes=0)

    placement = inbox.place(identity(uid, uid), HEADER, b"data set")

    assert files_below(tmp_path) == [inbox.absolute(placement.path)]
    assert set(placement.path) <= set("inbox/-.dcm0123456789abcdef")


def test_place_when_free_space_is_under_the_watermark_then_is_refused_and_recovers(tmp_path: Path) -> None:
    free = 1_000_000
    inbox = Inbox(tmp_path, minimum_free_bytes=500_000, free_bytes=lambda _: free)

    free = 500_000 + len(HEADER) + 3
    with pytest.raises(StorageFullError, match="the watermark is 500000"):
        inbox.place(identity(), HEADER, b"1234")
    assert files_below(tmp_path) == []
    assert inbox.place(identity(), HEADER, b"123").arrival is Arrival.NEW


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, StorageFullError), (errno.EDQUOT, StorageFullError), (errno.EIO, InboxError)],
)
def test_place_when_the_disk_fails_then_no_partial_file_is_left(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[InboxError]
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(InboxError) as caught:
            inbox.place(identity(), HEADER, b"data set")

    assert type(caught.value) is expected
    assert files_below(tmp_path) == []
    assert inbox.place(identity(), HEADER, b"data set").arrival is Arrival.NEW


def test_place_when_the_disk_refuses_the_name_then_no_file_is_left(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.place(identity("1.2.3.5"), HEADER, b"other")
    calls: list[int] = []

    def fail_at_the_folder(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail_at_the_folder)
    with pytest.raises(InboxError):
        inbox.place(identity(), HEADER, b"data set")
    assert len(files_below(tmp_path)) == 1
    # One that was there before may be the only copy: it stays, whatever the disk says now.
    calls.clear()
    with pytest.raises(InboxError):
        inbox.place(identity("1.2.3.5"), HEADER, b"other")
    assert len(files_below(tmp_path)) == 1


def test_place_when_it_returns_then_file_and_folders_were_synchronised_also_of_one_that_was_there(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronised: list[str] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        kind = "file" if target.suffix == ".dcm" else "inbox" if target.name == "inbox" else "study"
        synchronised.append(kind)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    inbox.place(
        identity(),
        HEADER,
        b"one",
        lambda _: synchronised.append("meanwhile"),
        lambda: synchronised.append("settled"),
    )
    inbox.place(identity("1.2.3.5"), HEADER, b"two")
    # Whoever placed it may have been killed before the disk had it.
    inbox.place(identity(), HEADER, b"one")

    first = ["inbox", "meanwhile", "file", "settled", "study"]
    assert synchronised == [*first, "file", "study", "file", "study"]


def test_place_when_another_association_still_waits_for_the_disk_then_the_duplicate_waits_too(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = threading.Event(), threading.Event()
    real = os.fsync

    def fail_late(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".dcm" and not go_on.is_set():
            asked.set()
            go_on.wait(10)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fail_late)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(inbox.place, identity(), HEADER, b"data set")
        assert asked.wait(10)
        second = pool.submit(inbox.place, identity(), HEADER, b"data set")
        go_on.set()
        assert isinstance(first.exception(10), InboxError)
        # It did not take the bytes that the disk refused for bytes that are there.
        assert second.result(10).arrival is Arrival.NEW


def test_is_whole_when_the_power_failed_before_the_bytes_were_there_then_says_no(inbox: Inbox) -> None:
    path = inbox.place(identity(), HEADER, b"data set").path
    assert inbox.is_whole(path, len(HEADER))
    for left in (HEADER + b"\0" * 8, HEADER + b"data", b""):
        inbox.absolute(path).write_bytes(left)
        assert not inbox.is_whole(path, len(HEADER))


def test_leftovers_when_a_process_died_while_writing_then_are_removed_and_nothing_else(
    inbox: Inbox, tmp_path: Path
) -> None:
    kept = inbox.place(identity(), HEADER, b"data set")
    (tmp_path / "inbox" / ".arriving" / "half.part").write_bytes(b"half")

    names = [
        f"a~{socket.gethostname()}~{2**22 + 1}~1~0",
        f"b~{worker_name(0).replace('/', '~')}",
        "c~elsewhere~1~1~0",
    ]
    for name in names:
        (tmp_path / "inbox" / ".arriving" / f"{name}.part").write_bytes(b"half")
    old = tmp_path / "inbox" / ".arriving" / "d~elsewhere~1~1~0.part"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))

    assert inbox.discard_leftovers() == 3
    assert inbox.discard_leftovers() == 0
    living = {path.stem for path in files_below(tmp_path) if path.suffix == ".part"}
    assert living == set(names[1:])
    assert inbox.absolute(kept.path).is_file()


def test_walk_when_instances_lie_there_then_describes_each_as_it_was_placed(inbox: Inbox, tmp_path: Path) -> None:
    placed = [
        inbox.place(identity("1.2.3.4"), HEADER, b"one"),
        inbox.place(identity("1.2.3.4"), HEADER, b"two"),
        inbox.place(identity("1.2.3.5", "1.2.4"), HEADER, b"three"),
    ]
    (tmp_path / "inbox" / ".arriving" / "half.part").write_bytes(b"half")
    (tmp_path / "inbox" / "README").write_text("not an instance")

    found = list(inbox.walk())

    assert {(f.path, f.content_sha256, f.size_bytes) for f in found} == {
        (p.path, p.content_sha256, p.size_bytes) for p in placed
    }
    assert all(file.received_at.tzinfo is not None for file in found)


def test_inbox_when_storage_is_a_file_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("in the way")

    with pytest.raises(InboxError, match="cannot be written to"):
        Inbox(tmp_path / "storage", minimum_free_bytes=0)
