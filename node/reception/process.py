"""The process of the receiver: started, watched, started again where it died, stopped."""

import logging
import multiprocessing
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event as StopEvent

from config.errors import NodeError
from config.settings import Settings
from node.backoff import BackOff
from node.interrupts import unheard_by_children
from node.logging import configure_logging
from node.reception.heartbeat import Pulse
from node.reception.refusal_counts import RefusalCounts
from node.reception.start_report import Ports, ReceptionReport

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
"""Silence of a receiver that starts, after which it is given up, s."""
LISTEN_S = 0.5
STOP_TIMEOUT_S = 5.0
MAXIMUM_FAILURES = 6
"""Starts in a row that may fail before the node gives up and leaves it to its supervisor."""
STABLE_S = 60.0
"""A receiver that has run for so long is not failing, s."""


class ReceptionError(NodeError):
    """The receiver does not start."""


def receive(
    refusals: RefusalCounts, settings: Settings, ledger_url: str, ready: Connection, stop: StopEvent
) -> None:
    """Run in the new process."""
    from node.reception.receiver import run_reception  # noqa: PLC0415 - the parent needs no DICOM network

    configure_logging()
    run_reception(refusals, settings, ledger_url, ready, stop)


@dataclass
class _Running:
    process: SpawnProcess
    stop: StopEvent
    since_s: float
    pulse: Pulse


@dataclass
class ReceptionProcess:
    """One receiver, replaced where it dies or hangs.

    Parameters
    ----------
    settings
        Port 0 takes a free one, and keeps it over every restart.
    ledger_url
        Of a ledger whose schema is current.
    back_off
        Between starts that fail.
    monotonic_s
        A clock that never steps back, s.
    target
        What the process runs.
    asked_to_stop
        Whether the node is to stop; looked at while the receiver starts, which may take long.
    name
        For messages.
    """

    settings: Settings
    ledger_url: str
    back_off: BackOff
    monotonic_s: Callable[[], float]
    target: Callable[[Settings, str, Connection, StopEvent], None]
    asked_to_stop: Callable[[], bool] = lambda: False
    name: str = "the receiver"
    _running: _Running | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _not_before_s: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _stopped: bool = field(default=False, init=False)

    def start(self) -> Ports:
        """Start the receiver and return its ports once it listens.

        Raises
        ------
        ReceptionError
            It does not listen; the message says why.
        """
        return self.launch()()

    def launch(self) -> Callable[[], Ports]:
        """Start the receiver; what comes back waits until it listens, and then does as `start` does."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        stop = context.Event()
        arguments = (self.settings, self.ledger_url, theirs, stop)
        process = context.Process(target=self.target, args=arguments, name="reception")
        with unheard_by_children():
            process.start()
        theirs.close()
        if self._running is not None:
            self._running.pulse.close()
        self._running = _Running(process, stop, self.monotonic_s(), Pulse(ours))
        return partial(self._listening, ours)

    def _listening(self, ours: Connection) -> Ports:
        try:
            ports = self._await(ours)
        except BaseException:
            ours.close()
            raise
        self._keep(ports)
        return ports

    def _keep(self, ports: Ports) -> None:
        """Let a restart come back where the scanners look for it."""
        settings = self.settings
        node = settings.node.model_copy(update={} if ports.plain is None else {"port": ports.plain})
        tls = settings.tls.model_copy(update={} if ports.tls is None else {"port": ports.tls})
        self.settings = settings.model_copy(update={"node": node, "tls": tls})

    def is_running(self) -> bool:
        """Return whether the process of the receiver is there."""
        running = self._running
        return running is not None and running.process.is_alive()

    def watch(self) -> None:
        """Start the receiver again where it died or hangs, with a back-off; called every second.

        Raises
        ------
        ReceptionError
            It died too often in a row.
        """
        with self._lock:
            if self._stopped or self._alive() or self.monotonic_s() < self._not_before_s:
                return
            if self._failures >= MAXIMUM_FAILURES:
                raise ReceptionError(f"{self.name} ended {self._failures} times in a row; see the log")
            self._failures += 1
            self._not_before_s = self.monotonic_s() + self.back_off.delay_s(self._failures)
            logger.error("%s is gone, starting it again failures=%d", self.name, self._failures)
            try:
                self.start()
            except ReceptionError as error:
                logger.error("%s does not start error=%s", self.name, error)  # noqa: TRY400 - expected, no traceback

    def stop(self) -> None:
        """End the receiver: let it finish what it acknowledges, then by force."""
        self._stopped = True  # Outside the lock: a receiver that is being started holds it.
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        running.stop.set()
        running.process.join(STOP_TIMEOUT_S)
        if running.process.is_alive():
            running.process.kill()
            running.process.join()
        running.pulse.close()

    def _alive(self) -> bool:
        running = self._running
        if running is None or not self.is_running():
            return False
        if not running.pulse.look():
            logger.error("%s stands still and is ended; what it acknowledged is safe", self.name)
            running.process.kill()
            running.process.join(STOP_TIMEOUT_S)  # Not for ever: what waits for a dead disk cannot be killed.
            return False
        if self.monotonic_s() - running.since_s > STABLE_S:
            self._failures = 0
        return True

    def _await(self, ready: Connection) -> Ports:
        try:
            report = self._last_report(ready)
        except EOFError as error:
            raise ReceptionError(f"{self.name} ended while it started; see the log") from error
        if report.error:
            raise ReceptionError(report.error)
        return report.ports

    def _last_report(self, ready: Connection) -> ReceptionReport:
        heard_s = self.monotonic_s()
        while not (self._stopped or self.asked_to_stop()):
            if ready.poll(LISTEN_S):
                report: ReceptionReport = ready.recv()
                if not report.starting:
                    return report
                heard_s = self.monotonic_s()
            elif self.monotonic_s() - heard_s >= START_TIMEOUT_S:
                raise ReceptionError(f"{self.name} does not start within {START_TIMEOUT_S:.0f} s")
        raise ReceptionError("the node was told to stop while its receiver started")
