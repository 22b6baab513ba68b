"""Where results lie: a folder for each study and generation, replaced as a whole and kept by the disk."""

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from node.owner import is_gone, worker_name

RESULTS = "results"
ABANDONED_S = 86_400.0
"""A folder of a process on another host that has not changed for so long is nobody's, s."""


def results_of_study(storage: Path, study_instance_uid: str) -> Path:
    """Return the folder of all results of a study; a UID came from the network and is never a path."""
    return storage / RESULTS / hashlib.sha256(study_instance_uid.encode()).hexdigest()[:32]


def results_folder(storage: Path, study_instance_uid: str, generation: int) -> Path:
    """Return the folder of one result."""
    return results_of_study(storage, study_instance_uid) / str(generation)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block ends, synchronised.

    Where the block raises, `folder` stays as it was. Two attempts at one result do not see each other: each has
    a folder of its own, and the last to end stays.
    """
    fresh = _attempt(folder)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        for path in (*fresh.rglob("*"), fresh):
            _synchronise(path)
        _take_place(fresh, folder)
        _synchronise(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def sweep_attempts(storage: Path) -> int:
    """Remove what killed processes left behind; return how many folders that were."""
    leftovers = [path for path in (storage / RESULTS).glob("*/.*") if _abandoned(path)]
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)
    return len(leftovers)


def _attempt(folder: Path) -> Path:
    # The name says whose it is: of two nodes with one storage, none may sweep away the work of the other.
    owner = worker_name(0).replace("/", "~")
    return folder.with_name(f".{folder.name}~{owner}~{uuid.uuid4().hex}")


def _abandoned(attempt: Path) -> bool:
    owner = "/".join(attempt.name.split("~")[1:4])
    with suppress(FileNotFoundError):  # Its owner has just ended.
        return is_gone(owner) or time.time() - attempt.stat().st_mtime > ABANDONED_S
    return False


def _take_place(fresh: Path, folder: Path) -> None:
    aside = _attempt(folder)
    try:
        while True:
            with suppress(FileNotFoundError):
                folder.rename(aside)
            try:
                fresh.rename(folder)
            except OSError as error:
                # Another attempt at the same result came in between, and is set aside in its turn.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                shutil.rmtree(aside, ignore_errors=True)
            else:
                return
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
