"""The memory of the main process: what a study took is given back to the system when it is done.

A study passes through the main process as arrays of megabytes, on threads. Left to itself, glibc keeps what they
free: it takes a heap for each thread, puts ever larger arrays on it, and a small object that lives on holds the
pages around it. Python adds what refers to itself, which waits for a collection, and the more was imported, the
longer. Nothing is lost by either, and the process grows for hours.
"""

import ctypes
import gc
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

ARENAS: Final = 2
"""Heaps for all threads, most of which wait."""
LARGE_BYTES: Final = 256 * 1024
"""An array from this size on is memory of its own, which goes back when it is freed."""
TOP_BYTES: Final = 1024 * 1024
"""Free memory that may stay at the end of a heap."""
# malloc.h of glibc.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


Claimed = TypeVar("Claimed")
Done = TypeVar("Done")


def keep_small() -> None:
    """Let this process keep little of what it frees; call it before threads begin. Other than glibc: no effect."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, TOP_BYTES)


def settle() -> None:
    """Take what is there for permanent: collections look at what comes after, and are quick."""
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Free what only refers to itself, and return the free pages of every heap to the system."""
    gc.collect()
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def giving_back(job: Callable[[Claimed], Done]) -> Callable[[Claimed], Done]:
    """Return the job, which gives back what it took also where it fails."""

    def run(claim: Claimed) -> Done:
        try:
            return job(claim)
        finally:
            give_back()

    return run


@cache
def _glibc() -> Any:
    """Return the C library where it is that of GNU, None where it is another."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
