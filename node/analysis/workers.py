"""The workers of a node: one thread a study that is analysed at once."""

import threading
import time
from collections.abc import Callable

from config.settings import Settings
from node.analysis.finished_study import Job
from node.analysis.worker import Worker
from node.backoff import back_off
from node.delivery.recipients import Recipients
from node.ledger.ledger import Ledger
from node.memory import giving_back
from node.owner import worker_name

IDLE_S = 1.0
"""How long a worker without work waits before it looks again, s."""
STOP_TIMEOUT_S = 5.0


class Workers:
    """Started when made.

    Parameters
    ----------
    settings
        How many there are, and who gets the results.
    job
        What each does with a study that it claimed; the memory that a study took is given back after it.
    abandon
        Ends the analysis of the thread whose claim was lost.
    """

    def __init__(self, settings: Settings, ledger: Ledger, job: Job, abandon: Callable[[int], None]) -> None:
        self._stopping = threading.Event()
        recipients = Recipients(settings.peers, ledger)
        self._threads = []
        for number in range(settings.compute.workers):
            worker = Worker(
                worker_name(number),
                ledger,
                giving_back(job),
                recipients=recipients,
                back_off=back_off(10),
                stopping=self._stopping,
                abandon=abandon,
            )
            # A daemon: native code that hangs must not hold the node when it is told to stop.
            thread = threading.Thread(target=worker.run, args=(IDLE_S,), name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def are_alive(self) -> bool:
        """Return whether every worker runs."""
        return all(thread.is_alive() for thread in self._threads)

    def ask_to_stop(self) -> None:
        """Let each end after the study that it has."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for those that end; not for ever."""
        until_s = time.monotonic() + STOP_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
