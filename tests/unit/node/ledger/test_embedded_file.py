import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from node.ledger.embedded_file import LedgerFileError
from node.ledger.ledger import Ledger, open_ledger
from node.watch.health import ledger_check
from tests.unit.node.doubles import STUDY, FakeClock, instance


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def two(path: Path, clock: FakeClock) -> Iterator[tuple[Ledger, Ledger]]:
    """Two processes of one node, as it were, each with an entry of its own."""
    with open_ledger(f"sqlite:///{path}", clock) as first, open_ledger(f"sqlite:///{path}", clock) as second:
        first.record_instance(instance(clock, 1))
        second.record_instance(instance(clock, 2))
        yield first, second


def images(path: Path) -> int:
    with open_ledger(f"sqlite:///{path}") as other:
        return other.studies.get(STUDY).images


@pytest.mark.parametrize("beside", [("", "-wal", "-shm"), ("",)], ids=["all", "without its log"])
def test_ledger_when_its_file_is_deleted_then_is_written_anew_and_nobody_loses_anything(
    path: Path,
    two: tuple[Ledger, Ledger],
    beside: tuple[str, ...],
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = two
    for suffix in beside:
        Path(f"{path}{suffix}").unlink()
    second.record_instance(instance(clock, 3))
    first.record_instance(instance(clock, 4))
    assert first.studies.get(STUDY).images == second.studies.get(STUDY).images == images(path) == 4
    # What becomes of the deleted file when the last of its connections closes is nothing to the new one.
    first.close()
    second.record_instance(instance(clock, 5))
    assert images(path) == 5
    assert "written anew with all that it held" in caplog.text
    assert [file for file in path.parent.iterdir() if file.suffix == ".new"] == []


def test_ledger_when_its_file_is_deleted_again_and_again_while_threads_write_then_every_entry_is_there(
    path: Path, two: tuple[Ledger, Ledger], clock: FakeClock
) -> None:
    entered: tuple[list[int], list[int]] = ([], [])
    ended = threading.Event()

    def enter(ledger: Ledger, own: list[int], first: int) -> None:
        for number in range(first, first + 10_000):
            if ended.is_set():
                return
            try:
                ledger.record_instance(instance(clock, number))
            except LedgerFileError:
                continue  # It was not acknowledged.
            own.append(number)

    with ThreadPoolExecutor(2) as pool:
        writers = [
            pool.submit(enter, ledger, own, 10_000 * n)
            for n, (ledger, own) in enumerate(zip(two, entered, strict=True), 1)
        ]
        try:
            for _ in range(4):
                # Each has come to know of the last deletion when it has entered one or two.
                goals = [len(own) + 3 for own in entered]
                while any(len(own) < goal for own, goal in zip(entered, goals, strict=True)):
                    assert [writer.exception() for writer in writers if writer.done()] == []
                path.unlink(missing_ok=True)
        finally:
            ended.set()
        assert [writer.exception(10) for writer in writers] == [None, None]
    known = {record.sop_instance_uid for record in two[0].studies.instances(STUDY)}
    assert known == {instance(clock, number).sop_instance_uid for number in (1, 2, *entered[0], *entered[1])}
    assert images(path) == len(known)


def test_ledger_when_its_file_is_deleted_and_may_not_be_written_then_is_not_ready_until_it_may(
    path: Path, two: tuple[Ledger, Ledger], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = two
    path.unlink()

    def refuse(_: Path, __: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as denied:
        denied.setattr(Path, "hardlink_to", refuse)
        assert not ledger_check(first)().ok
        with pytest.raises(LedgerFileError, match="let the node write to its folder, or start it again"):
            first.record_instance(instance(clock, 3))
        assert not path.exists()
    assert ledger_check(first)().ok
    assert images(path) == 2


def test_ledger_when_another_file_is_put_in_its_place_then_it_is_used_and_the_log_says_what_to_do(
    path: Path, two: tuple[Ledger, Ledger], clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two
    other = tmp_path / "other.sqlite"
    with open_ledger(f"sqlite:///{other}", clock) as backup:
        backup.record_instance(instance(clock, 7))
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()
    other.replace(path)
    assert first.studies.get(STUDY).images == second.studies.get(STUDY).images == 1
    assert "start the node again, which compares it with the inbox" in caplog.text
