"""Signs of life of a process that another watches: one that stands still does not end by itself."""

import select
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

BEAT_EVERY_S = 1.0
HUNG_LOOKS = 60
"""Looks in a row, a second apart, without a sign of life. Looks and not seconds: a machine that was paused is no
process that hangs."""


class Heart:
    """The side of the process that is watched.

    Parameters
    ----------
    pipe
        To who watches.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(self, pipe: Connection, monotonic_s: Callable[[], float]) -> None:
        self._pipe = pipe
        self._monotonic_s = monotonic_s
        self._next_s = monotonic_s()
        self._room = select.poll()
        self._room.register(pipe, select.POLLOUT)

    def beat(self) -> None:
        """Give a sign of life where it is time; never waits for who watches."""
        if self._monotonic_s() < self._next_s:
            return
        self._next_s = self._monotonic_s() + BEAT_EVERY_S
        with suppress(OSError):  # Nobody watches any more.
            if any(event == select.POLLOUT for _, event in self._room.poll(0)):
                self._pipe.send(None)


class Pulse:
    """The side of who watches.

    Parameters
    ----------
    pipe
        From the process.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._has_beaten = False
        self._silent_looks = 0

    def look(self) -> bool:
        """Return whether the process lives; one that never gave a sign of life is taken to."""
        self._silent_looks += 1
        with suppress(EOFError, OSError):  # It has ended, which shows elsewhere.
            while self._pipe.poll():
                self._pipe.recv()
                self._has_beaten, self._silent_looks = True, 0
        return not self._has_beaten or self._silent_looks < HUNG_LOOKS

    def close(self) -> None:
        """Watch no more."""
        self._pipe.close()
