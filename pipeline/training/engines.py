"""Where the cases of a cohort are done: here, in processes, or on a cluster. No case stops another."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from pipeline.training.errors import TrainingError

if TYPE_CHECKING:
    from pipeline.training.sources import Source

logger = logging.getLogger(__name__)

IN_FLIGHT: Final = 8
"""Cases that wait on a cluster at once: an examination has 50 MB, and a cohort hundreds of them."""
PROCESS_DIED: Final = "its process ended: out of memory, killed, or a crash in native code"


@dataclass(frozen=True)
class Extracted:
    """What became of one case.

    Parameters
    ----------
    name
        Of the case.
    refused_because
        Empty where it has features.
    unfinished
        Whether it may succeed another time: nothing was kept, and the next call tries it again.
    """

    name: str
    refused_because: str = ""
    unfinished: bool = False


Job = tuple["Source", int]
"""A case, and how many outlines are drawn again."""
Work = Callable[["Source", Path, int], Extracted]
"""Does one case and writes its files into a folder."""


def do_here(jobs: Sequence[Job], work: Work, folder: Path) -> Iterator[Extracted]:
    """Do one case after another in this process."""
    for source, repeats in jobs:
        yield _outcome(source, partial(work, source, folder, repeats))


def do_in_processes(jobs: Sequence[Job], work: Work, folder: Path, processes: int) -> Iterator[Extracted]:
    """Do cases in processes of this machine.

    A process that dies takes its pool with it. The rest is then done by one process at a time, which tells whose
    case it was.
    """
    waiting = list(jobs)
    while waiting:
        with _pool(processes) as pool:
            futures = {
                pool.submit(work, source, folder, repeats): (source, repeats) for source, repeats in waiting
            }
            for future in as_completed(futures):
                job = futures[future]
                if isinstance(future.exception(), BrokenExecutor):
                    continue
                waiting.remove(job)
                yield _outcome(job[0], future.result)
        if waiting and processes == 1:
            source, _ = waiting.pop(0)
            yield Extracted(source.name, PROCESS_DIED, unfinished=True)
        processes = 1


def do_on_cluster(jobs: Sequence[Job], work: Work, folder: Path, cluster: Executor) -> Iterator[Extracted]:
    """Do cases on a cluster whose workers share no disk with us: images travel there, and files come back.

    Raises
    ------
    TrainingError
        The cluster is gone.
    """
    waiting, running = list(jobs), dict[Future[tuple[Extracted, dict[str, bytes]]], "Source"]()
    while waiting or running:
        while waiting and len(running) < IN_FLIGHT:
            source, repeats = waiting.pop(0)
            try:
                loaded = _loaded(source)
            except Exception:
                # Of this case: its images cannot be read, here. Done here it is refused for the same reason as
                # without a cluster, and not sent round for ever.
                yield _outcome(source, partial(work, source, folder, repeats))
                continue
            try:
                running[cluster.submit(_elsewhere, loaded, work, repeats)] = source
            except BrokenExecutor as error:
                raise TrainingError(f"{error}; the same command goes on where it was") from error
            except Exception as error:  # One that cannot travel.
                yield _outcome(source, partial(_again, error))
        for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
            source = running.pop(future)
            yield _outcome(source, partial(_keep, future, folder))


def _elsewhere(source: "Source", work: Work, repeats: int) -> tuple[Extracted, dict[str, bytes]]:
    with TemporaryDirectory() as folder:
        outcome = work(source, Path(folder), repeats)
        return outcome, {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _keep(future: "Future[tuple[Extracted, dict[str, bytes]]]", folder: Path) -> Extracted:
    outcome, files = future.result()
    # The row of the case has the shortest name, and comes last: it tells that the case is done.
    for name in sorted(files, key=len, reverse=True):
        draft = folder / f".{name}"
        draft.write_bytes(files[name])
        draft.rename(folder / name)
    return outcome


def _loaded(source: "Source") -> "Source":
    from pipeline.training.sources import LoadedSource, PatientSource  # noqa: PLC0415 - a new process needs neither

    if not isinstance(source, PatientSource):
        return source
    inputs = source.inputs()
    return LoadedSource(source.name, source.load(), inputs_digest=inputs)


def _outcome(source: "Source", finish: Callable[[], Extracted]) -> Extracted:
    try:
        return finish()
    except BrokenExecutor:
        return Extracted(source.name, PROCESS_DIED, unfinished=True)
    except Exception as error:
        logger.exception("case failed case=%s", source.name)
        return Extracted(source.name, f"{type(error).__name__}: see the log", unfinished=True)


def _again(error: Exception) -> Extracted:
    raise error


@contextmanager
def _pool(processes: int) -> Iterator[Executor]:
    # Spawned: threads of libraries do not survive a fork.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        # After an error the other cases would run on for hours before anybody is told.
        pool.shutdown(cancel_futures=True)
