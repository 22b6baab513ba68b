"""Where the pipeline runs: a process pool on this machine, or a Dask cluster. The study travels as arrays."""

import logging
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from config.analytes import AnalyteRules
from config.errors import NodeError
from config.settings import ComputeSection
from node.dask_engine import DaskExecutor
from node.interrupts import unheard_by_children
from node.stage_name import IDLE, show_stage
from pipeline.errors import TransientError

if TYPE_CHECKING:
    from pipeline.analysis import Analysis
    from pipeline.model_bundle import ModelBundle
    from pipeline.study import Study

logger = logging.getLogger(__name__)

GRACE_S = 1.0
"""How long worker processes have to end by themselves, s."""
NICENESS = 10
"""Of worker processes, beside the receiver at 0."""
WORKER_LOST = "WORKER-LOST"
"""Code of an attempt whose process ended: out of memory, killed, or a crash in native code."""
WORKER_HUNG = "WORKER-HUNG"
"""Code of an attempt that did not come to an end."""


def analyse_arrays(study: "Study", bundle: "ModelBundle", *, analytes: AnalyteRules | None = None) -> "Analysis":
    """Run the pipeline; the function that travels to the worker process, with the rules of clinical values."""
    from pipeline.run import analyse  # noqa: PLC0415 - torch and ITK belong to the worker processes

    try:
        return analyse(study, bundle, clock=time.perf_counter, progress=show_stage, analytes=analytes)
    finally:
        show_stage(IDLE)


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
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        function: Callable[["Study", "ModelBundle"], "Analysis"] = analyse_arrays,
        *,
        workers: int,
        timeout_s: float,
    ) -> None:
        self._make = make
        self._function = function
        self._timeout_s = timeout_s
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
            The worker process ended or hangs, or the node is stopping.
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
                    _end(executor)

    def stop(self) -> None:
        """End the worker processes at once, whatever they do: every step can be done again."""
        with self._lock:
            self._stopped = True
            _end(*self._executors)

    def _run(self, executor: Executor, study: "Study", bundle: "ModelBundle") -> "Analysis":
        if self._stopped:
            raise _failed(WORKER_LOST, "The node is stopping.")
        future = executor.submit(self._function, study, bundle)
        self._running[threading.get_ident()] = executor, future
        try:
            return future.result(self._timeout_s)
        except TimeoutError as error:
            if future.done():  # The analysis itself raised it.
                raise
            raise _HungError from error
        finally:
            del self._running[threading.get_ident()]

    def _replaced(self, broken: Executor) -> Executor:
        with self._lock:
            if self._stopped:
                return broken
            _end(broken)
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
        return DaskExecutor(settings.scheduler) if settings.engine == "dask" else _warmed(_local_executor())

    function = partial(analyse_arrays, analytes=analytes)
    return Compute(make, function, workers=settings.workers, timeout_s=settings.timeout_s)


def _local_executor() -> Executor:
    # Spawned, not forked: the thread pools of ITK and torch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_prepare_worker)


def _warmed(executor: Executor) -> Executor:
    with unheard_by_children():
        executor.submit(import_pipeline)
    return executor


def import_pipeline() -> None:
    """Load torch and ITK before the first study needs them; runs in a worker process."""
    import pipeline.run  # noqa: F401, PLC0415 - for its effect


def _prepare_worker() -> None:
    # An analysis takes every core for a minute; what arrives meanwhile goes before it.
    os.nice(NICENESS)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True, name="parent-watch").start()


def _end_with(wait: Callable[[], None]) -> None:
    # A killed node cannot tell its workers; an orphan would hold the memory that the restarted node needs.
    wait()
    os._exit(1)


def _end(*executors: Executor) -> None:
    # Public as `terminate_workers` from Python 3.14; before, shutdown() waits for what runs, up to minutes.
    processes: list[Any] = []
    for executor in executors:
        processes += (getattr(executor, "_processes", None) or {}).values()
        executor.shutdown(wait=False, cancel_futures=True)
    until_s = time.monotonic() + GRACE_S
    for process in processes:
        # An idle worker ends by itself, and tidies up; a busy one does not listen.
        process.join(max(0.0, until_s - time.monotonic()))
        if process.is_alive():
            process.terminate()


def _failed(code: str, message: str) -> TransientError:
    return TransientError(code, message, stage="analyse")
