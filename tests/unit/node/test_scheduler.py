import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import apscheduler.executors.base
import apscheduler.schedulers.base
import pytest
from apscheduler.jobstores.memory import MemoryJobStore

import node.scheduler
from node.scheduler import Scheduler


def test_every_when_a_job_is_added_then_no_delay_makes_it_skip() -> None:
    scheduler = Scheduler()
    scheduler.every(5, "tick", lambda: None)
    job = scheduler._scheduler.get_jobs()[0]
    with scheduler:
        job = scheduler._scheduler.get_job("tick")
        assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
        assert job.trigger.interval == timedelta(seconds=5)
        assert isinstance(scheduler._scheduler._jobstores["default"], MemoryJobStore)


def test_every_when_a_job_is_hours_late_then_it_runs_once() -> None:
    ran = threading.Event()
    scheduler = Scheduler()
    scheduler.every(3600, "late", ran.set)
    scheduler._scheduler.get_jobs()[0].modify(next_run_time=None)
    with scheduler:
        job = scheduler._scheduler.get_job("late")
        job.modify(next_run_time=datetime.now(UTC) - timedelta(hours=5, seconds=7))
        assert ran.wait(10)


def test_every_when_a_job_raises_then_it_is_called_again() -> None:
    calls: list[int] = []
    twice = threading.Event()

    def job() -> None:
        calls.append(1)
        if len(calls) == 2:
            twice.set()
        raise RuntimeError("broken")

    scheduler = Scheduler()
    scheduler.every(0.01, "broken", job)
    with scheduler:
        assert twice.wait(10)


def test_every_when_a_job_hangs_then_the_others_go_on_and_it_is_not_doubled() -> None:
    release, ticked = threading.Event(), threading.Event()
    started: list[int] = []
    ticks: list[int] = []

    def hang() -> None:
        started.append(1)
        release.wait(10)

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 5:
            ticked.set()

    scheduler = Scheduler()
    scheduler.every(0.01, "hang", hang)
    scheduler.every(0.01, "tick", tick)
    with scheduler:
        assert ticked.wait(10)
        assert len(started) == 1
        release.set()


def test_stop_when_never_started_then_is_no_error() -> None:
    Scheduler().stop()


class SetClock(datetime):
    """The time of day of a machine whose clock is set."""

    step = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # what it is compared with
        return datetime.now(tz) + cls.step


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SetClock]]:
    for module in (node.scheduler, apscheduler.schedulers.base, apscheduler.executors.base):
        monkeypatch.setattr(module, "datetime", SetClock)
    yield SetClock
    SetClock.step = timedelta(0)


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=-400)])
def test_every_when_the_clock_steps_back_then_goes_on_within_seconds(
    set_clock: type[SetClock], step: timedelta
) -> None:
    ticked = threading.Event()
    scheduler = Scheduler()
    scheduler.every(0.05, "tick", ticked.set)
    with scheduler:
        assert ticked.wait(10)
        set_clock.step = step
        time.sleep(0.1)  # A turn that had begun before the step may end after it.
        ticked.clear()
        assert ticked.wait(10)


def test_every_when_the_clock_steps_forward_by_decades_then_no_missed_turn_is_counted(
    set_clock: type[SetClock],
) -> None:
    scheduler = Scheduler()
    ticks: list[float] = []
    ticked = threading.Event()

    def tick() -> None:
        ticks.append(time.monotonic())
        if len(ticks) == 20:
            ticked.set()

    scheduler.every(0.01, "tick", tick)
    with scheduler:
        set_clock.step = timedelta(days=365 * 56)
        assert ticked.wait(10)
