"""The receiver, a process of its own: it mends the ledger, listens, and ends when it is told to.

One busy Python thread beside a receiver cuts its rate to a third, so nothing else runs in this process.
"""

import gc
import logging
import signal
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event as StopEvent

from config.errors import NodeError
from config.settings import Settings
from dicom_io.network.storage_scp import StorageScp
from node.audit.alerts import Alerts
from node.audit.trail import Trail
from node.ledger.ledger import open_ledger, utc_now
from node.reception.arrival import Reception
from node.reception.heartbeat import Heart
from node.reception.refusal_counts import RefusalCounts
from node.reception.settings import scp_settings
from node.reception.start_report import Ports, ReceptionReport, StillStarting
from node.storage.inbox import Inbox
from node.storage.mending import mend_ledger
from node.storage.set_aside import settle_set_aside

LOGGER = logging.getLogger(__name__)

_CHECK_PARENT_S = 0.2


def _ports(scp: StorageScp, settings: Settings) -> Ports:
    plain = scp.port if settings.tls.opens_plain else None
    return Ports(plain, scp.tls_port if settings.tls.enabled else None)


def run_reception(
    refusals: RefusalCounts, settings: Settings, ledger_url: str, ready: Connection, stop: StopEvent
) -> None:
    """Run the receiver until `stop` is set or the parent process is gone.

    Parameters
    ----------
    refusals
        Shared with the process that is watched.
    ledger_url
        SQLAlchemy URL of a ledger whose schema is current.
    ready
        Gets one `ReceptionReport`, after others that say that it is still starting.
    """
    terminated = Terminated()
    signal.signal(signal.SIGTERM, terminated.note)
    # pydicom warns about invalid values with the value in it: a line in the log that any peer may write.
    warnings.simplefilter("ignore")
    try:
        inbox = Inbox(settings.node.storage, minimum_free_bytes=settings.node.minimum_free_bytes)
        removed = inbox.discard_leftovers()
        if removed:
            LOGGER.info("%d unfinished files of the last run removed; none was acknowledged", removed)
        listening = scp_settings(settings)
        ledger = open_ledger(ledger_url)
    except (NodeError, OSError) as error:
        ready.send(ReceptionReport(error=str(error)))
        return
    with ledger:
        reception = Reception(inbox, ledger, lambda: datetime.now(UTC))
        trail = Trail(settings.node.storage)
        alerts = Alerts(trail, settings.node.ae_title, utc_now, time.monotonic, refusals.association)
        scp = StorageScp(
            listening,
            reception.keep,
            on_commitment_result=reception.take_commitment,
            on_rejection=alerts.rejected,
            on_status=refusals.answered,
            on_end=lambda aborted: refusals.ended(aborted=aborted),
        )
        still_starting = StillStarting(ready, lambda: stop.is_set() or terminated.flag, time.monotonic)
        try:
            settle_set_aside(settings.node.storage, ledger.purges)
            mended = mend_ledger(inbox, ledger, progress=still_starting.say)
            if mended:
                LOGGER.warning("%d instances of the inbox were not in the ledger and are entered", mended)
            ledger.confirmations.ask_anew()
            scp.start()
        except (NodeError, OSError) as error:
            ready.send(ReceptionReport(error=str(error)))
            return
        try:
            ready.send(ReceptionReport(_ports(scp, settings)))
            gc.freeze()  # What was imported stays; walking through it again and again is for nothing.
            heart = Heart(ready, time.monotonic)
            _wait(stop, terminated, lambda: heart.beat() if scp.is_accepting() else None)
        finally:
            scp.stop()


class Terminated:
    """Whether SIGTERM came; a plain flag, since a handler that sets `stop` may wait for its own thread's lock."""

    def __init__(self) -> None:
        self.flag = False

    def note(self, *_: object) -> None:
        """Take the signal."""
        self.flag = True


def _wait(stop: StopEvent, terminated: Terminated, meanwhile: Callable[[], None]) -> None:
    parent = parent_process()
    while not (stop.is_set() or terminated.flag):
        meanwhile()
        if parent is None:
            stop.wait(_CHECK_PARENT_S)
        elif wait([parent.sentinel], timeout=_CHECK_PARENT_S):
            LOGGER.warning("the node is gone; the receiver ends")
            return
