import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.status import StoreStatus
from dicom_io.network.store_service import ReceivedInstance
from node.ledger.delivery_records import Confirmation
from node.ledger.interventions import NotNowError
from node.ledger.ledger import Ledger
from node.ledger.purges import Extent
from node.ledger.records import ObjectKind, ResultObject
from node.reception.arrival import Reception
from node.states import Event, StudyState
from node.storage import set_aside
from node.storage.inbox import Inbox
from node.storage.inbox_layout import INBOX, SET_ASIDE
from node.storage.mending import mend_ledger
from node.storage.purging import Purger, UndeliveredError
from node.storage.results_folder import RESULTS, results_folder
from node.storage.set_aside import SetAside, settle_set_aside
from tests.unit.node.doubles import MR_IMAGE, SEGMENTATION, STUDY, FakeClock, take


@pytest.fixture
def reception(tmp_path: Path, ledger: Ledger, clock: FakeClock) -> Reception:
    return Reception(Inbox(tmp_path, minimum_free_bytes=0), ledger, clock)


@pytest.fixture
def purger(tmp_path: Path, ledger: Ledger) -> Purger:
    return Purger(ledger, tmp_path, unconfirmed=False)


def send(reception: Reception, number: int, *, study: str = STUDY, sop_class: str = MR_IMAGE) -> StoreStatus:
    identity = InstanceIdentity(study, f"{study}.1", f"{study}.1.{number}", sop_class, "1.2.840.10008.1.2.1")
    return reception.keep(ReceivedInstance(identity, b"header", f"data {number}".encode(), "SCANNER", "10.0.0.7"))


def analyse(ledger: Ledger, storage: Path, study: str = STUDY) -> None:
    """Write a result of one object, on its way to one peer."""
    assert ledger.work.complete(ledger.studies.get(study), "test")
    claim = take(ledger)
    folder = results_folder(storage, study, claim.generation)
    folder.mkdir(parents=True)
    (folder / "seg.dcm").write_bytes(b"seg")
    (folder / "result.json").write_text("{}", encoding="utf-8")
    path = (folder / "seg.dcm").relative_to(storage).as_posix()
    item = ResultObject(ObjectKind.SEG, SEGMENTATION, f"{study}.9.{claim.generation}", path)
    ledger.work.finish(claim, Event.ANALYSED, objects=[item], destinations=["pacs"])


def deliver(reception: Reception, ledger: Ledger, storage: Path, study: str = STUDY) -> None:
    for number in (1, 2):
        assert send(reception, number, study=study) is StoreStatus.SUCCESS
    analyse(ledger, storage, study)
    for item in ledger.outbox.due("pacs"):
        ledger.outbox.stored(item)
    ledger.confirmations.confirmed(ledger.confirmations.uncommitted("pacs"), Confirmation.COMMITMENT)
    assert ledger.studies.get(study).state is StudyState.DELIVERED


def files(storage: Path) -> list[str]:
    found = [
        path.relative_to(storage).as_posix() for root in (INBOX, RESULTS) for path in (storage / root).rglob("*")
    ]
    return sorted(path for path in found if (storage / path).is_file())


def rows(ledger: Ledger) -> list[str]:
    return [file.path for file in ledger.studies.files(STUDY)] + [r.path for r in ledger.studies.results(STUDY)]


def whole(ledger: Ledger, storage: Path) -> bool:
    """Whether no row points to nothing, and no file of the inbox or object is without a row."""
    on_disk = [path for path in files(storage) if path.endswith(".dcm")]
    return sorted(rows(ledger)) == sorted(on_disk)


def test_purge_when_delivered_then_neither_file_nor_row_is_left_and_the_history_says_who(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    deliver(reception, ledger, tmp_path, f"{STUDY}.7")
    purged = purger.by_person(STUDY, Extent(), "anna", undelivered=False)
    assert (purged.files, purged.results, purged.size_bytes) == (2, 1, 2 * len(b"headerdata 1"))
    assert rows(ledger) == []
    assert len(files(tmp_path)) == 4  # The other study has all of its own.
    study = ledger.studies.get(STUDY)
    assert (study.state, study.images) == (StudyState.PURGED, 0)
    assert ledger.outbox.of_study(STUDY) == ()
    assert ledger.history(STUDY)[-1].detail == "by anna: images and results, 2 files, 1 result objects"


def test_purge_when_nothing_is_left_to_delete_then_the_history_says_no_second_time(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    purger.by_person(STUDY, Extent(results=False), "anna", undelivered=False)
    purger.by_person(STUDY, Extent(), "anna", undelivered=False)
    before = ledger.history(STUDY)
    purged = purger.by_person(STUDY, Extent(), "anna", undelivered=True)
    assert (purged.files, purged.results) == (0, 0)
    assert ledger.history(STUDY) == before
    assert before[-1].detail == "by anna: images and results, 0 files, 1 result objects"


def test_purge_when_only_images_go_then_the_result_stays(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    purger.by_person(STUDY, Extent(results=False), "anna", undelivered=False)
    assert [path.partition("/")[0] for path in files(tmp_path)] == [RESULTS, RESULTS]
    assert whole(ledger, tmp_path)
    assert len(ledger.outbox.of_study(STUDY)) == 1


def test_purge_when_not_delivered_then_only_the_flag_deletes(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path
) -> None:
    send(reception, 1)
    analyse(ledger, tmp_path)
    with pytest.raises(UndeliveredError, match="--undelivered"):
        purger.by_person(STUDY, Extent(), "anna", undelivered=False)
    assert len(files(tmp_path)) == 3
    purger.by_person(STUDY, Extent(), "anna", undelivered=True)
    assert files(tmp_path) == []


def test_purge_when_being_analysed_then_not_even_the_flag_deletes(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path
) -> None:
    send(reception, 1)
    assert ledger.work.complete(ledger.studies.get(STUDY), "test")
    take(ledger)
    with pytest.raises(NotNowError, match="cancel"):
        purger.by_person(STUDY, Extent(), "anna", undelivered=True)
    assert whole(ledger, tmp_path)
    assert len(files(tmp_path)) == 1


def test_instance_when_sent_again_after_a_purge_then_is_a_new_arrival(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    before = ledger.studies.instances_entered()
    purger.by_person(STUDY, Extent(), "anna", undelivered=False)
    assert send(reception, 1) is StoreStatus.SUCCESS
    study = ledger.studies.get(STUDY)
    assert (study.state, study.images) == (StudyState.RECEIVING, 1)
    assert ledger.studies.instances_entered() == before + 1
    assert whole(ledger, tmp_path)


@pytest.mark.parametrize("at", ["place", "before record", "after record"])
@pytest.mark.parametrize("number", [1, 3])
def test_instance_when_its_study_is_purged_while_it_arrives_then_is_kept(
    reception: Reception,
    ledger: Ledger,
    purger: Purger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    number: int,
) -> None:
    deliver(reception, ledger, tmp_path)
    purges = [lambda: purger.by_person(STUDY, Extent(), "anna", undelivered=True)]

    def after(function: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object) -> object:
            value = function(*args) if at != "before record" else None
            if purges:
                purges.pop()()
            return value if at != "before record" else function(*args)

        return run

    if at == "place":
        monkeypatch.setattr(reception._inbox, "place", after(reception._inbox.place))
    else:
        monkeypatch.setattr(ledger, "record_group", after(ledger.record_group))
        reception = Reception(reception._inbox, ledger, ledger.clock)
    statuses = [send(reception, number), send(reception, number)]
    assert statuses[-1] is StoreStatus.SUCCESS
    assert statuses[0] in (StoreStatus.SUCCESS, StoreStatus.OUT_OF_RESOURCES)
    assert not purges
    assert len(files(tmp_path)) == 1
    assert whole(ledger, tmp_path)
    assert ledger.studies.get(STUDY).state is StudyState.RECEIVING


class KilledError(BaseException):
    """Stands for kill -9: nothing after it runs."""


STEPS = ["mkdir", "rename", "fsync", "commit", "rmtree"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nth", [1, 2])
def test_purge_when_killed_at_any_step_then_a_start_leaves_all_or_nothing(
    reception: Reception, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, nth: int
) -> None:
    deliver(reception, ledger, tmp_path)
    before = files(tmp_path)
    left = [nth]

    def killing(function: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return function(*args, **kwargs)

        return run

    with monkeypatch.context() as patch:
        target, name = {
            "mkdir": (Path, "mkdir"),
            "rename": (Path, "rename"),
            "fsync": (os, "fsync"),
            "commit": (set_aside.SetAside, "take"),
            "rmtree": (shutil, "rmtree"),
        }[step]
        if step == "commit":
            patch.setattr(SetAside, "take", then_killed(SetAside.take))
        else:
            patch.setattr(target, name, killing(getattr(target, name)))
        aside = SetAside(tmp_path, STUDY, Extent())
        with pytest.raises(KilledError):
            ledger.purges.purge(STUDY, Extent(), "by anna", aside.take, anything)
            aside.discard()

    monkeypatch.setattr(set_aside, "is_gone", lambda _name: True)
    settle_set_aside(tmp_path, ledger.purges)
    committed = ledger.studies.get(STUDY).state is StudyState.PURGED
    assert committed is (step == "rmtree")
    assert files(tmp_path) == ([] if committed else before)
    assert whole(ledger, tmp_path)
    for root in (INBOX, RESULTS):
        assert not [*(tmp_path / root / SET_ASIDE).glob("*")]
    assert mend_ledger(Inbox(tmp_path, minimum_free_bytes=0), ledger) == 0


def then_killed(take: Callable[[SetAside], None]) -> Callable[[SetAside], None]:
    def run(aside: SetAside) -> None:
        take(aside)
        raise KilledError

    return run


def anything(_connection: Connection, _study: object) -> bool:
    return True


def test_settle_when_a_process_that_lives_is_purging_then_leaves_its_folders(
    reception: Reception, ledger: Ledger, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    aside = SetAside(tmp_path, STUDY, Extent())
    aside.take()
    assert settle_set_aside(tmp_path, ledger.purges) == 0
    aside.put_back(ledger.purges)
    assert whole(ledger, tmp_path)


def test_purge_when_the_ledger_goes_away_in_the_middle_then_everything_is_put_back(
    reception: Reception, ledger: Ledger, purger: Purger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(reception, ledger, tmp_path)
    before = files(tmp_path)

    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("node.ledger.purges.move", away)
        with pytest.raises(ConnectionError):
            purger.by_person(STUDY, Extent(), "anna", undelivered=False)
    assert files(tmp_path) == before
    assert whole(ledger, tmp_path)
    assert ledger.studies.get(STUDY).state is StudyState.DELIVERED
