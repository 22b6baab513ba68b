from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.sections.node import NodeSection
from config.sections.studies import RetentionSection
from config.settings import Settings
from node.ledger.ledger import Ledger
from node.reception.arrival import Reception
from node.states import StudyState
from node.storage.inbox import Inbox
from node.storage.retention import Retention, low_disk_bytes
from tests.unit.node.doubles import SEGMENTATION, STUDY, FakeClock
from tests.unit.node.storage.test_purging import analyse, deliver, files, send

DAY_S = 86_400.0
PLENTY = 10**12


@pytest.fixture
def reception(tmp_path: Path, ledger: Ledger, clock: FakeClock) -> Reception:
    return Reception(Inbox(tmp_path, minimum_free_bytes=0), ledger, clock)


def retention(ledger: Ledger, storage: Path, free: int = PLENTY, **rules: Any) -> Retention:
    settings = Settings(
        node=NodeSection(storage=storage, minimum_free_bytes=0),
        retention=RetentionSection(**{"images_days": 2, "results_days": 5, **rules}),
    )
    return Retention(ledger, storage, settings, lambda _folder: free)


def roots(storage: Path) -> set[str]:
    return {path.partition("/")[0] for path in files(storage)}


def test_check_when_time_passes_then_images_go_first_and_results_later(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    own = retention(ledger, tmp_path)
    clock.advance(2 * DAY_S - 60)
    own.check()
    assert roots(tmp_path) == {"inbox", "results"}
    clock.advance(61)
    assert [item.files for item in own.foretell()] == [2]
    own.check()
    assert roots(tmp_path) == {"results"}
    assert ledger.studies.get(STUDY).state is StudyState.PURGED
    clock.advance(3 * DAY_S)
    own.check()
    assert files(tmp_path) == []
    assert own.counts() == {"images": 1, "results": 1, "images-early": 0}
    own.check()
    assert own.counts()["images"] == 1


def test_check_when_a_result_is_not_delivered_then_never_deletes(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    send(reception, 1)
    analyse(ledger, tmp_path)
    clock.advance(1000 * DAY_S)
    retention(ledger, tmp_path, free=0).check()
    assert roots(tmp_path) == {"inbox", "results"}


@pytest.mark.parametrize("unconfirmed", [False, True])
def test_check_when_a_peer_can_confirm_nothing_then_the_site_decides_whether_that_is_delivered(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path, unconfirmed: bool
) -> None:
    send(reception, 1)
    analyse(ledger, tmp_path)
    for item in ledger.outbox.due("pacs"):
        ledger.outbox.stored(item)
    ledger.confirmations.unconfirmed(ledger.confirmations.uncommitted("pacs"), "cannot")
    assert ledger.studies.get(STUDY).state is StudyState.UNCONFIRMED
    clock.advance(10 * DAY_S)
    own = retention(ledger, tmp_path, unconfirmed=unconfirmed)
    own.purge_due()
    assert roots(tmp_path) == (set() if unconfirmed else {"inbox", "results"})


def test_check_when_a_late_instance_came_since_it_was_due_then_deletes_nothing(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(reception, ledger, tmp_path)
    clock.advance(3 * DAY_S)
    own = retention(ledger, tmp_path)
    due = own.due()
    send(reception, 9)
    monkeypatch.setattr(own, "due", lambda: due)
    assert own.purge_due() == []
    assert ledger.studies.get(STUDY).images == 3


def test_check_when_space_is_short_then_the_oldest_go_early_until_there_is_enough(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    studies = [f"{STUDY}.{number}" for number in range(3)]
    for study in studies:
        deliver(reception, ledger, tmp_path, study)
        clock.advance(60)
    free = [1]
    own = retention(ledger, tmp_path, low_disk_bytes=3)
    own._free_bytes = lambda _folder: free[0] + sum(not own_images(ledger, study) for study in studies)
    own.check()
    assert own.counts()["images-early"] == 0  # Their late images may still come.
    clock.advance(6000)
    own.check()
    assert [own_images(ledger, study) for study in studies] == [0, 0, 2]
    free[0] = 0
    retention(ledger, tmp_path, free=0, early=False).check()
    assert own_images(ledger, studies[2]) == 2


def own_images(ledger: Ledger, study: str) -> int:
    return ledger.studies.get(study).images


def test_check_when_a_study_holds_only_what_a_pacs_sent_back_then_it_goes_too(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    send(reception, 1, sop_class=SEGMENTATION)
    clock.advance(3 * DAY_S)
    retention(ledger, tmp_path).check()
    assert files(tmp_path) == []
    # Again after the purge: it opens no study, and must not stay for ever.
    send(reception, 1, sop_class=SEGMENTATION)
    clock.advance(3 * DAY_S)
    retention(ledger, tmp_path).check()
    assert files(tmp_path) == []


def test_check_when_both_are_zero_then_nothing_goes_by_age(
    reception: Reception, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    deliver(reception, ledger, tmp_path)
    clock.now += timedelta(days=5000)
    retention(ledger, tmp_path, images_days=0, results_days=0).check()
    assert len(files(tmp_path)) == 4


def test_low_disk_when_the_watermark_of_reception_is_higher_then_that_counts() -> None:
    assert low_disk_bytes(Settings(node=NodeSection(minimum_free_bytes=10**10))) == 10**10
