"""Where results lie: a folder for each study and generation, replaced as a whole and kept by the disk."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RESULTS = "results"


def results_folder(storage: Path, study_instance_uid: str, generation: int) -> Path:
    """Return the folder of one result; a UID came from the network and is never a path."""
    name = hashlib.sha256(study_instance_uid.encode()).hexdigest()[:32]
    return storage / RESULTS / name / str(generation)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block ends, synchronised.

    Where the block raises, `folder` stays as it was.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        for path in (*fresh.rglob("*"), fresh):
            _synchronise(path)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
        _synchronise(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
