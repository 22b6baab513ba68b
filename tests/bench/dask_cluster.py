"""A real Dask scheduler and its workers on this machine, for as long as a block runs."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.errors import ConfigError
from node.compute.dask_engine import DaskExecutor
from tests.integration.orthanc import free_port

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 60.0
WORKER: Final = ("--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--no-dashboard")
"""As in deploy/kubernetes/base/workers.yaml."""


@dataclass(frozen=True)
class Started:
    """A cluster that runs.

    Parameters
    ----------
    address
        Of the scheduler.
    scheduler_pid
        Its process.
    """

    address: str
    scheduler_pid: int

    def scheduler_s(self) -> float:
        """Return the processor time that the scheduler has taken, s."""
        # proc_pid_stat(5): the name in parentheses may hold spaces; utime and stime are fields 14 and 15.
        fields = Path(f"/proc/{self.scheduler_pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def cluster(number: int, folder: Path, *, real: bool) -> Iterator[Started]:
    """Start a scheduler and `number` workers of one thread.

    Parameters
    ----------
    folder
        For logs and scratch.
    real
        Each worker in a process of its own, the pipeline loaded; otherwise all in one, for what only sleeps.
    """
    port = str(free_port())
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        scheduler = ["--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-show"]
        pid = _start(stack, folder, ["-m", "distributed.cli.dask_scheduler", *scheduler])
        if real:
            own = ["--local-directory", str(folder), "--preload", "pipeline.run"]
            for _ in range(number):
                _start(stack, folder, ["-m", "distributed.cli.dask_worker", address, *WORKER, *own])
        else:
            _start(stack, folder, ["-m", "tests.bench.dask_cluster", address, str(number)])
        _await_workers(address, number)
        yield Started(address, pid)


def _start(stack: ExitStack, folder: Path, arguments: Sequence[str]) -> int:
    # They unpickle functions of the benchmark, which no installation has on its path.
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    log = stack.enter_context((folder / f"{len(list(folder.iterdir()))}.log").open("wb"))
    process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, env=environment)
    stack.callback(process.wait, 10)
    stack.callback(process.kill)
    return process.pid


def _await_workers(address: str, number: int) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            executor = DaskExecutor(address)
        except ConfigError:
            if time.monotonic() > until_s:
                raise
        else:
            executor._client.wait_for_workers(number, timeout=PATIENCE_S)
            executor.shutdown(wait=False)
            return


async def _serve(address: str, number: int) -> None:
    from distributed import Worker  # noqa: PLC0415 - in this process alone

    import pipeline.model_bundle  # noqa: F401, PLC0415 - what a worker loads before it serves

    own = [Worker(address, nthreads=1, memory_limit=0) for _ in range(number)]
    await asyncio.gather(*(worker.start() for worker in own))
    await asyncio.gather(*(worker.finished() for worker in own))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
