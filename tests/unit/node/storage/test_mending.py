from collections.abc import Callable
from pathlib import Path

import pytest

import node.storage.mending
from dicom_io.network.identity import FileIdentity, InstanceIdentity, UnreadableInstanceError
from node.ledger.failure import LedgerError
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord
from node.storage.inbox import Inbox
from node.storage.mending import mend_ledger
from tests.unit.node.doubles import MR_IMAGE, STUDY, FakeClock

Identify = Callable[[Path], FileIdentity]


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path, minimum_free_bytes=0)


@pytest.fixture
def identify(inbox: Inbox, tmp_path: Path) -> Identify:
    """Three instances in the inbox, and what is to be read from them."""
    identities = {}
    for number in range(3):
        identity = InstanceIdentity(STUDY, f"{STUDY}.1", f"{STUDY}.1.{number}", MR_IMAGE, "1.2.840.10008.1.2.1")
        placed = inbox.place(identity, b"header", f"data {number}".encode())
        identities[Path(placed.path).name] = FileIdentity(identity, "SCANNER", len(b"header"))

    return lambda path: identities[path.name]


def test_mend_ledger_when_it_is_empty_then_enters_every_file(
    inbox: Inbox, ledger: Ledger, identify: Identify
) -> None:
    assert mend_ledger(inbox, ledger, identify) == 3
    assert ledger.studies.get(STUDY).images == 3
    assert {found.path for found in ledger.studies.instances(STUDY)} == {file.path for file in inbox.walk()}


def test_mend_ledger_when_nothing_differs_then_reads_only_the_last_that_were_entered(
    inbox: Inbox, ledger: Ledger, identify: Identify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.storage.mending, "LAST_ENTRIES", 2)
    mend_ledger(inbox, ledger, identify)
    before = ledger.studies.get(STUDY)
    read: list[str] = []

    def note(path: Path) -> FileIdentity:
        found = identify(path)
        read.append(found.identity.sop_instance_uid)
        return found

    assert mend_ledger(inbox, ledger, note) == 0
    assert ledger.studies.get(STUDY) == before
    assert sorted(read) == sorted(one.sop_instance_uid for one in ledger.studies.instances(STUDY)[-2:])


@pytest.mark.parametrize("entered", [False, True])
@pytest.mark.parametrize("left", [b"", b"header\0\0\0\0\0\0", b"headerdata"])
def test_mend_ledger_when_the_power_failed_before_the_bytes_were_there_then_the_instance_may_come_again(
    inbox: Inbox,
    ledger: Ledger,
    identify: Identify,
    left: bytes,
    entered: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if entered:
        mend_ledger(inbox, ledger, identify)
    torn = next(iter(inbox.walk())).path
    inbox.absolute(torn).write_bytes(left)
    mend_ledger(inbox, ledger, identify)
    assert ledger.studies.get(STUDY).images == 2
    assert torn not in ledger.studies.known_paths()
    assert "is replaced when its instance is sent again" in caplog.text


def test_mend_ledger_when_a_file_is_gone_then_its_instance_may_come_again(
    inbox: Inbox, ledger: Ledger, identify: Identify
) -> None:
    mend_ledger(inbox, ledger, identify)
    lost: InstanceRecord = ledger.studies.instances(STUDY)[0]
    inbox.absolute(lost.path).unlink()
    assert mend_ledger(inbox, ledger, identify) == 0
    assert ledger.studies.get(STUDY).images == 2
    assert lost.path not in ledger.studies.known_paths()


def test_mend_ledger_when_one_file_cannot_be_read_then_enters_the_others(
    inbox: Inbox, ledger: Ledger, identify: Identify, clock: FakeClock
) -> None:
    broken = next(iter(inbox.walk())).path

    def partly(path: Path) -> FileIdentity:
        if path == inbox.absolute(broken):
            raise UnreadableInstanceError("truncated")
        return identify(path)

    assert mend_ledger(inbox, ledger, partly) == 2
    assert inbox.absolute(broken).is_file()


def test_mend_ledger_when_it_belongs_to_another_storage_then_refuses_and_keeps_it(
    inbox: Inbox, ledger: Ledger, identify: Identify, tmp_path: Path
) -> None:
    mend_ledger(inbox, ledger, identify)
    (tmp_path / "second").mkdir()
    second = Inbox(tmp_path / "second", minimum_free_bytes=0)
    with pytest.raises(LedgerError, match=r"another storage folder: set node\.storage .* or ledger\.url"):
        mend_ledger(second, ledger, identify)
    assert ledger.studies.get(STUDY).images == 3


def test_mend_ledger_when_its_storage_was_moved_then_it_still_belongs_to_it(
    inbox: Inbox, ledger: Ledger, identify: Identify, tmp_path: Path
) -> None:
    mend_ledger(inbox, ledger, identify)
    (tmp_path / "moved").mkdir()
    for name in ("inbox", "storage-id"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    assert mend_ledger(Inbox(tmp_path / "moved", minimum_free_bytes=0), ledger, identify) == 0
    assert ledger.studies.get(STUDY).images == 3


def test_mend_ledger_when_it_is_interrupted_then_keeps_the_batches_before_and_goes_on(
    inbox: Inbox, ledger: Ledger, identify: Identify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node.storage.mending, "BATCH", 2)
    read: list[Path] = []

    def interrupted(path: Path) -> FileIdentity:
        read.append(path)
        if len(read) == 3:
            raise KeyboardInterrupt
        return identify(path)

    with pytest.raises(KeyboardInterrupt):
        mend_ledger(inbox, ledger, interrupted)
    assert ledger.studies.get(STUDY).images == 2
    assert mend_ledger(inbox, ledger, identify) == 1
    for file in inbox.walk():
        inbox.absolute(file.path).unlink()
    mend_ledger(inbox, ledger, identify)
    assert ledger.studies.known_paths() == frozenset()


def test_mend_ledger_when_it_takes_long_then_tells_of_each_file(
    inbox: Inbox, ledger: Ledger, identify: Identify
) -> None:
    told: list[None] = []
    mend_ledger(inbox, ledger, identify, lambda: told.append(None))
    assert len(told) == 3 + 3  # Each was found, and each was read.
