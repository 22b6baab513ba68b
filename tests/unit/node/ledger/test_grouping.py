import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from node.ledger.grouping import LATELY_S, GroupedIntake
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord, Recorded
from tests.unit.node.doubles import FakeClock, instance

THREADS = 8
AWAY = OperationalError("", None, RuntimeError("no"))


class SlowLedger:
    """Holds the first transaction until all others wait, and refuses one instance."""

    def __init__(self, bad: str = "", error: Exception = AWAY) -> None:
        self.groups: list[list[str]] = []
        self.bad = bad
        self.error = error
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def record_group(self, instances: Sequence[InstanceRecord]) -> list[Recorded]:
        uids = [record.sop_instance_uid for record in instances]
        self.groups.append(uids)
        if len(self.groups) == 1:
            self.entered.set()
            self.go_on.wait(10)
        if self.bad in uids:
            raise self.error
        return [Recorded.NEW] * len(uids)


def record_at_once(ledger: SlowLedger, records: Sequence[InstanceRecord]) -> dict[str, Recorded | BaseException]:
    """Begin with the first, and with all others while it is being entered."""
    intake = GroupedIntake(ledger.record_group)
    begun = [intake.begin(records[0])]
    assert ledger.entered.wait(10)
    begun += [intake.begin(one) for one in records[1:]]
    ledger.go_on.set()
    return {
        record.sop_instance_uid: one.exception(10) or one.result(10)
        for record, one in zip(records, begun, strict=True)
    }


def test_begin_when_others_wait_then_enters_them_in_one_transaction(clock: FakeClock) -> None:
    ledger, records = SlowLedger(), [instance(clock, number) for number in range(1, THREADS)]
    results = record_at_once(ledger, records)
    assert set(results.values()) == {Recorded.NEW}
    assert [len(group) for group in ledger.groups] == [1, len(records) - 1]


def test_begin_when_one_is_refused_then_the_others_are_entered(clock: FakeClock) -> None:
    records = [instance(clock, number) for number in range(1, THREADS)]
    bad = records[3].sop_instance_uid
    results = record_at_once(SlowLedger(bad), records)
    assert isinstance(results.pop(bad), OperationalError)
    assert list(results.values()) == [Recorded.NEW] * (len(records) - 1)


def test_begin_when_several_studies_wait_then_they_are_locked_in_one_order(clock: FakeClock) -> None:
    ledger = SlowLedger()
    records = [
        replace(instance(clock, number), study_instance_uid=f"1.2.{uid}")
        for number, uid in enumerate((5, 4, 1, 3, 2), start=1)
    ]
    record_at_once(ledger, records)
    uids = {record.sop_instance_uid: record.study_instance_uid for record in records}
    assert [uids[uid] for uid in ledger.groups[1]] == ["1.2.1", "1.2.2", "1.2.3", "1.2.4"]


@pytest.mark.timeout(120)
def test_begin_when_threads_race_on_a_real_ledger_then_counts_each_once(ledger: Ledger, clock: FakeClock) -> None:
    intake = GroupedIntake(ledger.record_group)
    records = [instance(clock, number) for number in range(1, 25)]
    found: list[Recorded] = []

    def record_all(own: Sequence[InstanceRecord]) -> None:
        for one in own:
            begun = intake.begin(one)
            intake.press()
            found.append(begun.result(60))

    # Every instance comes on two associations.
    threads = [threading.Thread(target=record_all, args=(records[start % 4 :: 4],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == sorted([Recorded.NEW] * 24 + [Recorded.DUPLICATE] * 24)


def test_begin_when_one_meets_a_bug_then_nobody_waits_for_ever(clock: FakeClock) -> None:
    records = [instance(clock, number) for number in range(1, THREADS)]
    bad = records[2].sop_instance_uid
    results = record_at_once(SlowLedger(bad, ZeroDivisionError()), records)
    assert isinstance(results.pop(bad), ZeroDivisionError)
    assert list(results.values()) == [Recorded.NEW] * (len(records) - 1)


class Associations:
    """Threads that live on, one for each instance: the system gives the number of one that ended to the next."""

    def __init__(self, intake: GroupedIntake) -> None:
        self._intake = intake
        self._threads: list[ThreadPoolExecutor] = []

    def begin(self, record: InstanceRecord) -> Future[Recorded]:
        self._threads.append(ThreadPoolExecutor(1))
        return self._threads[-1].submit(self._intake.begin, record).result(10)

    def end(self) -> None:
        for thread in self._threads:
            thread.shutdown()


@pytest.fixture
def associations(clock: FakeClock) -> Iterator[tuple[Associations, SlowLedger, GroupedIntake]]:
    ledger = SlowLedger()
    ledger.go_on.set()
    intake = GroupedIntake(ledger.record_group, clock.monotonic_s)
    own = Associations(intake)
    yield own, ledger, intake
    own.end()


def test_begin_when_other_associations_bring_instances_too_then_waits_for_them_until_it_is_pressed(
    associations: tuple[Associations, SlowLedger, GroupedIntake], clock: FakeClock
) -> None:
    own, ledger, intake = associations
    assert own.begin(instance(clock, 1)).result(10) is Recorded.NEW
    waiting = [own.begin(instance(clock, number)) for number in (2, 3, 4)]
    assert not any(one.done() for one in waiting)
    intake.press()
    assert [one.result(10) for one in waiting] == [Recorded.NEW] * 3
    assert [len(group) for group in ledger.groups] == [1, 3]


def test_begin_when_others_brought_instances_long_ago_then_is_entered_at_once(
    associations: tuple[Associations, SlowLedger, GroupedIntake], clock: FakeClock
) -> None:
    own, _, _ = associations
    for number in (1, 2):
        assert own.begin(instance(clock, number)).result(10) is Recorded.NEW
        clock.advance(LATELY_S * 2)
