"""A ticker: name, interval, function. What is due is asked of the ledger each time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

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

    def every(self, interval_s: float, name: str, function: Callable[[], object]) -> None:
        """Call `function` at once when the scheduler starts, and then every `interval_s` seconds."""
        self._scheduler.add_job(
            function, "interval", seconds=interval_s, id=name, name=name, next_run_time=datetime.now(UTC)
        )

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()
        self._running.set()

    def stop(self) -> None:
        """Start nothing more; what runs is not waited for."""
        if self._running.is_set():
            self._running.clear()
            self._scheduler.shutdown(wait=False)

    def __enter__(self) -> Self:
        """Begin."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more."""
        self.stop()
