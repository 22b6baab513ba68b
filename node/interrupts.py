"""How a program that is told to stop ends: Ctrl-C, which a whole group of processes hears, and SIGTERM."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TerminatedError(BaseException):
    """SIGTERM came; like KeyboardInterrupt it goes through what handles errors, and past no clean-up."""


@contextmanager
def heard_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block by `TerminatedError`, so that what it opened is closed and deleted.

    Only the main thread of a program can hear it; on another the block runs as it is.
    """

    def end(*_: object) -> None:
        raise TerminatedError

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
