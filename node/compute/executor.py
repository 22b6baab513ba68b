"""Where the pipeline runs: a process pool on this machine, or a Dask cluster. The study travels as arrays."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from config.analytes import AnalyteRules
from config.errors import NodeError
from config.sections.compute import ComputeSection, Device
from node.compute.dask_engine import DaskExecutor
from node.compute.local_pool import end, local_pool, resident_bytes, warmed
from node.compute.stage_name import IDLE, show_stage
from node.logging import about, study_at_hand
from pipeline.errors import TransientError

if TYPE_CHECKING:
    from pipeline.analysis import Analysis
    from pipeline.model_bundle import ModelBundle
    from pipeline.study import Study

logger = logging.getLogger(__name__)

LOOK_AT_MEMORY_EVERY_S = 1.0
WORKER_LOST = "WORKER-LOST"
"""Code of an attempt whose process ended: out of memory, killed, or a crash in native code."""
WORKER_HUNG = "WORKER-HUNG"
"""Code of an attempt that did not come to an end."""
WORKER_MEMORY = "WORKER-MEMORY"
"""Code of an attempt that took more memory than it may."""
WORKER_NONE = "WORKER-NONE"
"""Code of an attempt at a cluster without workers."""


def analyse_arrays(
    study: "Study", bundle: "ModelBundle", *, analytes: AnalyteRules | None = None, device: Device = "cpu"
) -> "Analysis":
    """Run the pipeline; the function that travels to the worker process, with what the node's settings say."""
    from pipeline.run import analyse  # noqa: PLC0415 - torch and ITK belong to the worker processes

    try:
        return analyse(
            study, bundle, clock=time.perf_counter, progress=show_stage, analytes=analytes, device=device
        )
    finally:
        show_stage(IDLE)


def analyse_about(
    function: Callable[["Study", "ModelBundle"], "Analysis"],
    study_instance_uid: str,
    study: "Study",
    bundle: "ModelBundle",
) -> "Analysis":
    """Call `function` where the lines of the log name the study; a study itself is arrays and has no name."""
    with about(study_instance_uid):
        return function(study, bundle)


class Compute:
    """Runs analyses on executors, and replaces an executor whose process died or hangs.

    Parameters
    ----------
    make
        Makes an executor; called again after a crash.
    function
        What travels to the executor: an importable function.
    workers
        Analyses at once. Each has an executor of its own: one that crashes takes no other with it.
    timeout_s
        Longest time of an analysis, s.
    memory_bytes
        Largest resident memory of a worker process of this machine, bytes; 0: no limit.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        function: Callable[["Study", "ModelBundle"], "Analysis"] = analyse_arrays,
        *,
        workers: int,
        timeout_s: float,
        memory_bytes: int = 0,
    ) -> None:
        self._make = make
        self._function = function
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._stopped = False
        self._running: dict[int, tuple[Executor, Future[Analysis]]] = {}
        """By the thread that waits."""
        self._executors = [make() for _ in range(workers)]
        self._idle: queue.SimpleQueue[Executor] = queue.SimpleQueue()
        for executor in self._executors:
            self._idle.put(executor)

    def analyse(self, study: "Study", bundle: "ModelBundle") -> "Analysis":
        """Run the pipeline and wait for it.

        Raises
        ------
        TransientError
            The worker process ended or hangs, there is none, or the node is stopping.
        """
        executor = self._idle.get()
        try:
            return self._run(executor, study, bundle)
        except (BrokenExecutor, CancelledError) as error:
            executor = self._replaced(executor)
            raise _failed(WORKER_LOST, "A worker process ended during the analysis.") from error
        except _HungError as error:
            executor = self._replaced(executor)
            message = f"The analysis did not end within {self._timeout_s:.0f} s."
            raise _failed(WORKER_HUNG, message) from error
        except _DesertedError as error:
            executor = self._replaced(executor)
            raise _failed(WORKER_NONE, "The Dask scheduler has no workers.", "Start Dask workers.") from error
        except _TooLargeError as error:
            executor = self._replaced(executor)
            message = f"The analysis took more than {self._memory_bytes / 1e9:.1f} GB of memory."
            raise _failed(WORKER_MEMORY, message) from error
        finally:
            self._idle.put(executor)

    def abandon(self, thread_id: int) -> None:
        """End what the thread of this identifier waits for, where it waits: `analyse` raises there."""
        with self._lock:
            executor, future = self._running.get(thread_id, (None, None))
            if executor is not None and future is not None and not future.done():
                # A task of a cluster that runs already cannot be ended from here; nobody waits for it any more.
                future.cancel()
                if isinstance(executor, ProcessPoolExecutor):
                    end(executor)

    def stop(self) -> None:
        """End the worker processes at once, whatever they do: every step can be done again."""
        with self._lock:
            self._stopped = True
            end(*self._executors)

    def _run(self, executor: Executor, study: "Study", bundle: "ModelBundle") -> "Analysis":
        if self._stopped:
            raise _failed(WORKER_LOST, "The node is stopping.")
        future = executor.submit(partial(analyse_about, self._function, study_at_hand()), study, bundle)
        self._running[threading.get_ident()] = executor, future
        until_s = time.monotonic() + self._timeout_s
        try:
            while True:
                try:
                    return future.result(max(0.0, min(LOOK_AT_MEMORY_EVERY_S, until_s - time.monotonic())))
                except TimeoutError as error:
                    if future.done():  # The analysis itself raised it, or ended just now.
                        return future.result()
                    if time.monotonic() >= until_s:
                        raise _HungError from error
                    if 0 < self._memory_bytes < resident_bytes(executor):
                        raise _TooLargeError from error
                    if isinstance(executor, DaskExecutor) and executor.deserted():
                        raise _DesertedError from error
        finally:
            del self._running[threading.get_ident()]

    def _replaced(self, broken: Executor) -> Executor:
        with self._lock:
            if self._stopped:
                return broken
            end(broken)
            try:
                fresh = self._make()
            except NodeError as error:
                # A cluster that is away: the next attempt looks for it again.
                logger.warning("compute: %s", error)
                return broken
            self._executors = [fresh if executor is broken else executor for executor in self._executors]
            return fresh


class _HungError(Exception):
    """An analysis takes longer than it may."""


class _DesertedError(Exception):
    """A cluster has no workers."""


class _TooLargeError(Exception):
    """An analysis takes more memory than it may."""


def make_compute(settings: ComputeSection, analytes: AnalyteRules | None = None) -> Compute:
    """Return the compute engine of the settings.

    Parameters
    ----------
    analytes
        Rules of the clinical values; those that come with the software where absent.

    Raises
    ------
    ConfigError
        Dask is asked for and not installed, or its scheduler cannot be reached.
    """

    def make() -> Executor:
        return DaskExecutor(settings.scheduler) if settings.engine == "dask" else warmed(local_pool())

    function = partial(analyse_arrays, analytes=analytes, device=settings.device)
    return Compute(
        make,
        function,
        workers=settings.workers,
        timeout_s=settings.timeout_s,
        memory_bytes=settings.memory_bytes,
    )


def _failed(code: str, message: str, remedy: str = "") -> TransientError:
    return TransientError(code, message, remedy=remedy, stage="analyse")
