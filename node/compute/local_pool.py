"""The worker process on this machine: started, warmed, watched and ended."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from node.interrupts import unheard_by_children
from node.logging import configure_logging

GRACE_S: Final = 1.0
"""How long worker processes have to end by themselves, s."""
NICENESS: Final = 10
"""Of worker processes, beside the receiver at 0."""
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def local_pool() -> ProcessPoolExecutor:
    """Return a pool of one worker process, at `NICENESS`, that ends with this process."""
    # Spawned, not forked: the thread pools of ITK and torch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_prepare_worker)


def warmed(executor: Executor) -> Executor:
    """Let the worker load the libraries now; returns `executor`."""
    with unheard_by_children():
        executor.submit(import_pipeline)
    return executor


def import_pipeline() -> None:
    """Load torch and ITK before the first study needs them; runs in a worker process."""
    import pipeline.run  # noqa: F401, PLC0415 - for its effect


def _prepare_worker() -> None:
    # An analysis takes every core for a minute; what arrives meanwhile goes before it.
    os.nice(NICENESS)
    configure_logging()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True, name="parent-watch").start()


def _end_with(wait: Callable[[], None]) -> None:
    # A killed node cannot tell its workers; an orphan would hold the memory that the restarted node needs.
    wait()
    os._exit(1)


def end(*executors: Executor) -> None:
    """End the processes of pools, at once where they are busy; other executors are left."""
    # Public as `terminate_workers` from Python 3.14; before, shutdown() waits for what runs, up to minutes.
    processes: list[Any] = []
    for executor in executors:
        processes += _processes(executor)
        executor.shutdown(wait=False, cancel_futures=True)
    until_s = time.monotonic() + GRACE_S
    for process in processes:
        # An idle worker ends by itself, and tidies up; a busy one does not listen.
        process.join(max(0.0, until_s - time.monotonic()))
        if process.is_alive():
            process.terminate()


def resident_bytes(executor: Executor) -> int:
    """Return the largest resident memory of the processes of a pool, bytes; 0 where it has none, or they ended."""
    sizes = [0]
    for process in _processes(executor):
        # The second number is the resident pages (proc_pid_statm(5)).
        with suppress(OSError, ValueError, IndexError):
            sizes.append(
                int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
            )
    return max(sizes)


def _processes(executor: Executor) -> list[Any]:
    return list((getattr(executor, "_processes", None) or {}).values())
