"""Where the pipeline runs: a process pool on this machine, or a Dask cluster. The study travels as arrays."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from config.errors import ConfigError
from config.settings import ComputeSection
from pipeline.errors import TransientError

if TYPE_CHECKING:
    from pipeline.analysis import Analysis
    from pipeline.model_bundle import ModelBundle
    from pipeline.study import Study

logger = logging.getLogger(__name__)

GRACE_S = 1.0
"""How long worker processes have to end by themselves, s."""
WORKER_LOST = "WORKER-LOST"
"""Code of an attempt whose process ended: out of memory, killed, or a crash in native code."""


def analyse_arrays(study: "Study", bundle: "ModelBundle") -> "Analysis":
    """Run the pipeline; the function that travels to the worker process."""
    from pipeline.run import analyse  # noqa: PLC0415 - torch and ITK belong to the worker processes

    return analyse(study, bundle, clock=time.perf_counter)


class Compute:
    """Runs analyses on an executor, and replaces the executor where its processes died.

    Parameters
    ----------
    make
        Makes an executor; called again after a crash.
    function
        What travels to the executor: an importable function.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        function: Callable[["Study", "ModelBundle"], "Analysis"] = analyse_arrays,
    ) -> None:
        self._make = make
        self._function = function
        self._lock = threading.Lock()
        self._executor: Executor | None = make()

    def analyse(self, study: "Study", bundle: "ModelBundle") -> "Analysis":
        """Run the pipeline and wait for it.

        Raises
        ------
        TransientError
            The worker process ended, or the node is stopping.
        """
        executor = self._executor
        if executor is None:
            raise _lost("The node is stopping.")
        try:
            return executor.submit(self._function, study, bundle).result()
        except (BrokenExecutor, CancelledError) as error:
            self._replace(executor)
            raise _lost("A worker process ended during the analysis.") from error

    def stop(self) -> None:
        """End the worker processes at once, whatever they do: every step can be done again."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            _end(executor)

    def _replace(self, broken: Executor) -> None:
        with self._lock:
            if self._executor is broken:
                _end(broken)
                self._executor = self._make()


def make_compute(settings: ComputeSection) -> Compute:
    """Return the compute engine of the settings.

    Raises
    ------
    ConfigError
        Dask is asked for and not installed, or its scheduler cannot be reached.
    """
    if settings.engine == "dask":
        return Compute(lambda: _dask_executor(settings.scheduler))
    return Compute(lambda: _warmed(_local_executor(settings.workers), settings.workers))


def _local_executor(workers: int) -> Executor:
    # Spawned, not forked: the thread pools of ITK and torch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker)


def _warmed(executor: Executor, workers: int) -> Executor:
    for _ in range(workers):
        executor.submit(import_pipeline)
    return executor


def import_pipeline() -> None:
    """Load torch and ITK before the first study needs them; runs in a worker process."""
    import pipeline.run  # noqa: F401, PLC0415 - for its effect


def _prepare_worker() -> None:
    # Ctrl-C reaches the whole group; the node says when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True, name="parent-watch").start()


def _end_with(wait: Callable[[], None]) -> None:
    # A killed node cannot tell its workers; an orphan would hold the memory that the restarted node needs.
    wait()
    os._exit(1)


def _dask_executor(scheduler: str) -> Executor:
    try:
        from distributed import Client  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ConfigError(['compute.engine: "dask" needs `pip install "mvi-node[dask]"`']) from error
    try:
        client = Client(scheduler, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ConfigError([f"compute.scheduler: no Dask scheduler answers at {scheduler}"]) from error
    executor: Executor = client.get_executor(pure=False)
    return executor


def _end(executor: Executor) -> None:
    # Public as `terminate_workers` from Python 3.14; before, shutdown() waits for what runs, up to minutes.
    processes: dict[int, Any] = dict(getattr(executor, "_processes", None) or {})
    executor.shutdown(wait=False, cancel_futures=True)
    until_s = time.monotonic() + GRACE_S
    for process in processes.values():
        # An idle worker ends by itself, and tidies up; a busy one does not listen.
        process.join(max(0.0, until_s - time.monotonic()))
        if process.is_alive():
            process.terminate()


def _lost(message: str) -> TransientError:
    return TransientError(WORKER_LOST, message, stage="analyse")
