"""Space kept back on the disk, so that deleting, which writes into the ledger first, can always run."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RESERVE_FILE = ".reserve"
RESERVE_BYTES = 8 * 1024 * 1024
"""The journal of a purge of some thousand images, several times over, bytes."""


def free_bytes(storage: Path) -> int:
    """Return the free space of the storage folder, bytes."""
    return shutil.disk_usage(storage).free


def make_reserve(storage: Path, free: Callable[[Path], int] = free_bytes) -> None:
    """Keep space back, where as much again is left; otherwise change nothing.

    Parameters
    ----------
    storage
        Storage folder of the node.
    free
        Free space of a folder, bytes.
    """
    path = storage / RESERVE_FILE
    with suppress(OSError):  # Without it the node works as well as on any disk that fills up.
        if not path.exists() and free(storage) >= 2 * RESERVE_BYTES:
            _allocate(path)


def _allocate(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    except OSError:
        path.unlink()
    finally:
        os.close(descriptor)


@contextmanager
def reserve_at_hand(storage: Path, free: Callable[[Path], int] = free_bytes) -> Iterator[None]:
    """Give the reserve up while the block deletes, where space is short, and keep it back again afterwards.

    Parameters
    ----------
    storage
        Storage folder of the node.
    free
        Free space of a folder, bytes.
    """
    path = storage / RESERVE_FILE
    given_up = False
    with suppress(OSError):
        if free(storage) < RESERVE_BYTES:
            path.unlink()
            given_up = True
    try:
        yield
    finally:
        if given_up:
            # However little is left: where nothing was deleted, the same space is to be there the next time.
            with suppress(OSError):
                _allocate(path)
