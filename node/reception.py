"""The receiver, a process of its own: every instance into the inbox, then into the ledger, then Success.

One busy Python thread beside a receiver cuts its rate to a third, so nothing else runs in this process.
"""

import gc
import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event as StopEvent

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError
from config.sections.node import NodeSection
from config.sections.peers import Peer
from config.settings import Settings
from dicom_io.network.access import AccessPolicy, AddressBook, KnownPeer, resolve_addresses
from dicom_io.network.commitment import CommitmentResult
from dicom_io.network.status import StoreStatus
from dicom_io.network.storage_scp import ReceivedInstance, ScpSettings, StorageScp
from dicom_io.network.tls import server_context
from dicom_io.network.transport import TransportLimits
from node.audit.alerts import Alerts
from node.audit.trail import Trail
from node.heartbeat import Heart
from node.inbox import Arrival, Inbox, InboxError, Placement, StorageFullError
from node.ledger.grouping import GroupedIntake
from node.ledger.ledger import Ledger, open_ledger, utc_now
from node.ledger.records import InstanceRecord, Recorded
from node.mending import mend_ledger
from node.reception_process import NOT_LISTENING, Ports
from node.set_aside import settle_set_aside
from node.tls import tls_files

LOGGER = logging.getLogger(__name__)

_CHECK_PARENT_S = 0.2
MAXIMUM_PURGES = 3
"""So often the study of an instance may be purged while it is being kept."""
STILL_STARTING_EVERY_S = 5.0
"""How often the node is told that the receiver is still starting, s; well within its patience."""


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


class Reception:
    """Keeps what arrives.

    Parameters
    ----------
    clock
        Time of day, aware, UTC.
    """

    def __init__(self, inbox: Inbox, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._ledger = ledger
        self._intake = GroupedIntake(ledger.record_group)
        self._clock = clock

    def keep(self, received: ReceivedInstance) -> StoreStatus:
        """Place one instance and record it; anything but Success means that the sender must keep it."""
        for _ in range(MAXIMUM_PURGES):
            placement = self._keep(received)
            if placement is None:
                break
            # A purge of the study may have taken the file, and its entry, between the one and the other.
            if self._inbox.is_there(placement.path):
                return StoreStatus.SUCCESS
        return StoreStatus.OUT_OF_RESOURCES

    def _keep(self, received: ReceivedInstance) -> Placement | None:
        uid = received.identity.sop_instance_uid
        entering: list[tuple[Placement, Future[Recorded]]] = []

        def enter(placement: Placement) -> None:
            if placement.arrival is Arrival.REPAIRED:
                # Entered anew, so that its study is looked at again: it may have been refused for the damage.
                LOGGER.warning("the file of instance %s was damaged on the disk and is replaced", uid)
                self._ledger.forget_instances([placement.path])
            entering.append((placement, self._intake.begin(self._record(received, placement))))

        try:
            placement = self._inbox.place(
                received.identity, received.file_header, received.data_set, enter, self._intake.press
            )
            if entering[0][1].result() is Recorded.CONFLICT:
                LOGGER.warning("instance %s came again with other bytes; both are kept", uid)
        except StorageFullError as error:
            LOGGER.warning("instance %s not taken: %s", uid, error)
            self._take_out(entering)
        except InboxError:
            LOGGER.exception("instance %s not taken", uid)
            self._take_out(entering)
        except (NodeError, SQLAlchemyError) as error:
            # The file stays: sent again it is a duplicate, and the next start enters it from the inbox. A line and
            # no traceback: while a database is away, every instance of every scanner comes here.
            reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
            LOGGER.warning("instance %s is kept, but the ledger does not answer: %s", uid, reason)
        else:
            return placement
        return None

    def _take_out(self, entering: Iterable[tuple[Placement, Future[Recorded]]]) -> None:
        """Take out what was entered while the disk refused the file."""
        for placement, entry in entering:
            is_kept = placement.arrival is Arrival.SAME and self._inbox.is_there(placement.path)
            if is_kept or entry.exception() is not None:
                continue
            try:
                self._ledger.forget_instances([placement.path])
            except (NodeError, SQLAlchemyError):
                LOGGER.warning("an entry without its file stays until the next start: %s", placement.path)

    def _record(self, received: ReceivedInstance, placement: Placement) -> InstanceRecord:
        identity = received.identity
        return InstanceRecord(
            study_instance_uid=identity.study_instance_uid,
            series_instance_uid=identity.series_instance_uid,
            sop_instance_uid=identity.sop_instance_uid,
            sop_class_uid=identity.sop_class_uid,
            transfer_syntax_uid=identity.transfer_syntax_uid,
            path=placement.path,
            content_sha256=placement.content_sha256,
            size_bytes=placement.size_bytes,
            received_at=self._clock(),
            calling_ae_title=received.calling_ae_title,
            peer=received.peer,
        )

    def take_commitment(self, result: CommitmentResult) -> None:
        """Record what a PACS says about results that were sent to it."""
        committed = [reference.sop_instance_uid for reference in result.committed]
        if not self._ledger.record_commitment(result.transaction_uid, committed, result.reasons()):
            LOGGER.warning("storage commitment of an unknown transaction %s", result.transaction_uid)


def access_policy(
    node: NodeSection,
    peers: Iterable[Peer],
    resolve: Callable[[str], frozenset[str]] = resolve_addresses,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> AccessPolicy:
    """Return who may open associations.

    Parameters
    ----------
    resolve
        Host name to addresses; asked again where a known AE title comes from another address.
    monotonic_s
        A clock that never steps back, s.
    """
    known = []
    for peer in peers:
        addresses = resolve(peer.host)
        if not addresses:
            LOGGER.warning(
                "peer %s: host %s has no address, its associations are rejected until it has", peer.name, peer.host
            )
        book = AddressBook(peer.host, addresses, resolve, monotonic_s)
        known.append(KnownPeer(peer.ae_title, addresses, peer.may_send, book, peer.maximum_associations))
    return AccessPolicy(node.ae_title, tuple(known))


def scp_settings(settings: Settings) -> ScpSettings:
    """Return the settings of the receiver.

    Raises
    ------
    ConfigError
        Certificate, key or authority cannot be used.
    """
    node = settings.node
    tls = tls_files(settings.tls)
    limits = TransportLimits(network_timeout_s=node.network_timeout_s, dimse_timeout_s=node.network_timeout_s)
    return ScpSettings(
        ae_title=node.ae_title,
        host=node.host,
        port=node.port if settings.tls.opens_plain else None,
        policy=access_policy(node, settings.peers),
        maximum_associations=node.maximum_associations,
        limits=limits,
        tls=server_context(tls) if tls else None,
        tls_port=settings.tls.port,
    )


def _ports(scp: StorageScp, settings: Settings) -> Ports:
    plain = scp.port if settings.tls.opens_plain else None
    return Ports(plain, scp.tls_port if settings.tls.enabled else None)


def run_reception(settings: Settings, ledger_url: str, ready: Connection, stop: StopEvent) -> None:
    """Run the receiver until `stop` is set or the parent process is gone.

    Parameters
    ----------
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
        alerts = Alerts(Trail(settings.node.storage), settings.node.ae_title, utc_now, time.monotonic)
        scp = StorageScp(
            listening,
            reception.keep,
            on_commitment_result=reception.take_commitment,
            on_rejection=alerts.rejected,
        )
        still_starting = StillStarting(ready, lambda: stop.is_set() or terminated.flag, time.monotonic)
        try:
            settle_set_aside(settings.node.storage, ledger.purges)
            mended = mend_ledger(inbox, ledger, progress=still_starting.say)
            if mended:
                LOGGER.warning("%d instances of the inbox were not in the ledger and are entered", mended)
            ledger.outbox.ask_anew()
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
