"""A ticker: name, interval, function. What is due is asked of the ledger each time.

APScheduler counts in times of day. A clock that is set back by an hour would stop everything for an hour; one that
is set forward by years, as at the first start of a machine without a battery, would make it list every turn that
it missed. So the next turn is always one interval from now, and a watch on the monotonic clock calls at once
whatever waits for a time that has become far away.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

JOB_DEFAULTS = {
    # The default of one second skips a job in silence that a busy machine starts later than that.
    "misfire_grace_time": None,
    # Late by five turns is one turn: the job looks at everything that is due anyway.
    "coalesce": True,
    "max_instances": 1,
}


class DaemonThreads(BaseExecutor):  # type: ignore[misc] # APScheduler 3 has no type information.
    """A thread for each call, none of which keeps the process from ending: a peer may stall for minutes."""

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        threading.Thread(target=self._run, args=(job, run_times), name=job.id, daemon=True).start()

    def _run(self, job: Job, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except Exception as error:  # As the executors of APScheduler do; `run_job` itself logs what a job raises.
            self._run_job_error(job.id, error, error.__traceback__)
        else:
            self._run_job_success(job.id, events)


WATCH_EVERY_S = 1.0
STEP_S = 0.5
"""Time of day that the monotonic clock does not explain, s: the clock was set."""


class FromNow(BaseTrigger):  # type: ignore[misc] # APScheduler 3 has no type information.
    """The next turn is one interval from now, whatever the last was due at."""

    def __init__(self, interval: timedelta) -> None:
        self.interval = interval

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return when the next turn is due."""
        return now + self.interval


class Scheduler:
    """Calls functions again and again, each at its interval, none twice at once.

    Nothing is kept: after a restart the same functions are added again and find their work in the ledger.
    """

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": DaemonThreads()},
            job_defaults=JOB_DEFAULTS,
            timezone=UTC,
        )
        self._running = threading.Event()
        self._stopped = threading.Event()

    def every(self, interval_s: float, name: str, function: Callable[[], object]) -> None:
        """Call `function` at once when the scheduler starts, and then every `interval_s` seconds."""
        trigger = FromNow(timedelta(seconds=interval_s))
        self._scheduler.add_job(function, trigger, id=name, name=name, next_run_time=datetime.now(UTC))

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()
        self._running.set()
        self._stopped.clear()
        threading.Thread(target=self._watch_the_clock, name="clock", daemon=True).start()

    def stop(self) -> None:
        """Start nothing more; what runs is not waited for."""
        if self._running.is_set():
            self._running.clear()
            self._stopped.set()
            self._scheduler.shutdown(wait=False)

    def _watch_the_clock(self) -> None:
        offset_s = _offset_s()
        while not self._stopped.wait(WATCH_EVERY_S):
            before_s, offset_s = offset_s, _offset_s()
            if offset_s < before_s - STEP_S:
                self._call_all()

    def _call_all(self) -> None:
        for job in self._scheduler.get_jobs():
            # One that ends just now is not there any more.
            with suppress(JobLookupError):
                job.modify(next_run_time=datetime.now(UTC))

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more."""
        self.stop()


def _offset_s() -> float:
    return datetime.now(UTC).timestamp() - time.monotonic()
