"""Ctrl-C reaches every process of a terminal's group; only the one that a person started decides what it means."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unheard_by_children() -> Iterator[None]:
    """Let processes that are started in the block never see SIGINT, not even while they still import.

    They inherit the mask of this thread; this process hears it as before.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
