"""What a process that starts tells the node: where it listens, why it does not, or that it is still starting."""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

STILL_STARTING_EVERY_S = 5.0
"""How often the node is told that the receiver is still starting, s; well within its patience."""


@dataclass(frozen=True)
class Ports:
    """Where the receiver listens.

    Parameters
    ----------
    plain, tls
        TCP ports without and with TLS; None where that one is not open.
    """

    plain: int | None = None
    tls: int | None = None


NOT_LISTENING = Ports()


@dataclass(frozen=True)
class ReceptionReport:
    """What the process says at last: that it listens, or why it does not; before that, that it is still starting.

    Parameters
    ----------
    ports
        None open where it does not listen.
    error
        One sentence; empty where it listens.
    starting
        Another report follows.
    """

    ports: Ports = NOT_LISTENING
    error: str = ""
    starting: bool = False


class StillStarting:
    """Tells the node now and then that the receiver is still starting, and ends it where it is to stop.

    Parameters
    ----------
    ready
        Gets the reports.
    is_stopped
        Whether the receiver is told to stop.
    monotonic_s
        A clock that never steps back, s.
    """

    def __init__(
        self, ready: Connection, is_stopped: Callable[[], bool], monotonic_s: Callable[[], float]
    ) -> None:
        self._ready = ready
        self._is_stopped = is_stopped
        self._monotonic_s = monotonic_s
        self._said_s = monotonic_s()

    def say(self) -> None:
        """Report where it is time; raise SystemExit where nobody waits for this receiver any more."""
        if self._is_stopped():
            raise SystemExit(0)
        if self._monotonic_s() - self._said_s < STILL_STARTING_EVERY_S:
            return
        self._said_s = self._monotonic_s()
        try:
            self._ready.send(ReceptionReport(starting=True))
        except BrokenPipeError as error:
            raise SystemExit(0) from error
