from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_io.network.identity import FileIdentity, InstanceIdentity, UnreadableInstanceError
from node.inbox import Inbox
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord
from node.mending import mend_ledger
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
        identities[tmp_path / placed.path] = FileIdentity(identity, "SCANNER")

    return lambda path: identities[path]


def test_mend_ledger_when_it_is_empty_then_enters_every_file(
    inbox: Inbox, ledger: Ledger, identify: Identify
) -> None:
    assert mend_ledger(inbox, ledger, identify) == 3
    assert ledger.studies.get(STUDY).images == 3
    assert {found.path for found in ledger.studies.instances(STUDY)} == {file.path for file in inbox.walk()}


def test_mend_ledger_when_nothing_differs_then_reads_no_file(
    inbox: Inbox, ledger: Ledger, identify: Identify
) -> None:
    mend_ledger(inbox, ledger, identify)
    before = ledger.studies.get(STUDY)

    def must_not_read(path: Path) -> FileIdentity:
        raise AssertionError(path)

    assert mend_ledger(inbox, ledger, must_not_read) == 0
    assert ledger.studies.get(STUDY) == before


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
