"""Send results: the oldest study first, object by object in order, again where it may help, at a pace."""

import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol

from config.sections.peers import Peer
from dicom_io.network.requestor import AccessRefusedError, NothingAcceptedError, PeerError
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome
from dicom_io.results.simpler_report import simpler_report
from node.backoff import BackOff
from node.delivery.pacing import Pace
from node.ledger.contacts import LONGEST_HOLD_S
from node.ledger.delivery_records import Delivery
from node.ledger.ledger import Ledger
from node.ledger.records import ObjectKind, ResultObject

logger = logging.getLogger(__name__)

PARKED_S = LONGEST_HOLD_S
"""A peer that refuses this node as such is tried so rarely: people mend that, and may forget to say so, s."""


class Sender(Protocol):
    """How objects reach a peer."""

    def send(self, peer: Peer, paths: Sequence[Path], go_on: Callable[[SendOutcome], bool]) -> None:
        """Send objects in order, tell `go_on` of each, and end where it returns False.

        Raises
        ------
        PeerError
            Nothing was sent.
        """


class Confirming(Protocol):
    """Has confirmed what a peer stored."""

    def confirm_due(self) -> None:
        """Ask about what is due; raise `PeerError` where the peer cannot be asked."""


class Courier:
    """Delivers what the outbox holds for one peer; call `deliver` again and again.

    An object that the peer refuses for good, by its status or because it does not take its SOP class, does not
    hold back those behind it: the report and the page tell of the lesion also where a SEG cannot be kept, though
    the report then names a SEG that the peer does not have. The study ends as undelivered and says which it was.
    A report whose SOP class the peer does not take goes in an older one.

    A peer that is away, full, or will not deal with this node is left alone as a whole, so that it gets one call
    for everything that waits and not one for each object.

    Parameters
    ----------
    storage
        Folder that the paths of the outbox are relative to.
    confirming
        Asked after each round of sending.
    back_off
        Between attempts at one object, and at a peer that is away.
    pace
        Of the objects.
    """

    def __init__(
        self,
        peer: Peer,
        ledger: Ledger,
        storage: Path,
        sender: Sender,
        confirming: Confirming,
        *,
        back_off: BackOff,
        pace: Pace,
    ) -> None:
        self._peer = peer
        self._ledger = ledger
        self._storage = storage
        self._sender = sender
        self._confirming = confirming
        self._back_off = back_off
        self._pace = pace

    def deliver(self) -> None:
        """Send what is due, then ask for the confirmations that are due; nothing while another node does."""
        with self._ledger.alone(f"deliver {self._peer.name}") as mine:
            if mine and not self._ledger.contacts.is_on_hold(self._peer.name):
                self._deliver()

    def _deliver(self) -> None:
        try:
            if self._send_due():
                self._confirming.confirm_due()
        except AccessRefusedError as error:
            self._hold(error.because, parked=True)
        except PeerError as error:
            self._hold(error.because)

    def _send_due(self) -> bool:
        """Send what the pace allows; return whether the peer still takes."""
        due = self._ledger.outbox.due(self._peer.name)
        for _, group in groupby(due, key=lambda item: item.study_instance_uid):
            items = list(group)
            if not self._pace.take(len(items)):
                break
            if not self._send_study(items):
                return False
        return True

    def _send_study(self, items: Sequence[Delivery]) -> bool:
        """Send the objects of one study on one association; return whether the peer takes more."""
        pending = iter(items)
        blocking: list[SendOutcome] = []

        def go_on(outcome: SendOutcome) -> bool:
            # An SR that arrives before the SEG it names points to nothing: later objects wait for earlier.
            if self._enter(next(pending), outcome):
                return True
            blocking.append(outcome)
            return False

        try:
            self._sender.send(self._peer, [self._storage / item.path for item in items], go_on)
        except NothingAcceptedError as error:
            # The peer is there, and will never take what was proposed.
            for item in pending:
                self._refuse(item, str(error), class_refused=True)
        except PeerError:
            raise
        except Exception as error:  # Whatever one study does, the others go on.
            logger.exception("not sent study=%s peer=%s", items[0].study_instance_uid, self._peer.name)
            for item in pending:
                self._later(item, f"an error of this node: {type(error).__name__}")
            return True
        for outcome in blocking:
            # Without a UID it was our own file that could not be read.
            if outcome.sop_instance_uid:
                self._hold(outcome.message)
                return False
        self._ledger.contacts.reached(self._peer.name)
        return True

    def _enter(self, item: Delivery, outcome: SendOutcome) -> bool:
        """Enter what became of one object; return whether those behind it may follow."""
        match outcome.disposition:
            case Disposition.TRANSIENT:
                self._later(item, outcome.message)
                return False
            case Disposition.PERMANENT:
                self._refuse(item, outcome.message, class_refused=outcome.refuses_class)
            case Disposition.WARNING:
                logger.warning("stored with a remark %s remark=%s", _names(item), outcome.message)
                self._ledger.outbox.stored(item, outcome.message)
            case _:
                logger.info("stored %s", _names(item))
                self._ledger.outbox.stored(item)
        return True

    def _refuse(self, item: Delivery, because: str, *, class_refused: bool) -> None:
        simpler = self._simpler(item) if class_refused and item.kind is ObjectKind.SR else None
        if simpler is not None:
            logger.warning("not taken as it is, goes as %s %s", simpler.sop_class_uid, _names(item))
            self._ledger.outbox.replaced(item, simpler, because)
            return
        logger.error("refused for good %s error=%s", _names(item), because)
        self._ledger.outbox.refused(item, because)

    def _simpler(self, item: Delivery) -> ResultObject | None:
        """Write the report in the next older SOP class; None where there is none."""
        try:
            found = simpler_report(self._storage / item.path)
        except OSError as error:
            logger.warning("no simpler report %s error=%s", _names(item), type(error).__name__)
            return None
        if found is None:
            return None
        path = found.path.relative_to(self._storage).as_posix()
        return ResultObject(item.kind, found.sop_class_uid, found.sop_instance_uid, path)

    def _later(self, item: Delivery, because: str) -> None:
        delay_s = self._back_off.delay_s(item.attempts + 1)
        logger.warning("not stored, again in %.0f s %s error=%s", delay_s, _names(item), because)
        self._ledger.outbox.again(item, because, delay_s)

    def _hold(self, because: str, *, parked: bool = False) -> None:
        """Leave the peer alone for a while: each further study would only wait for the same time-out."""
        contact = self._ledger.contacts.get(self._peer.name)
        delay_s = PARKED_S if parked else self._back_off.delay_s((contact.failures if contact else 0) + 1)
        logger.warning("peer on hold for %.0f s peer=%s error=%s", delay_s, self._peer.name, because)
        self._ledger.contacts.failed(self._peer.name, because, retry_in_s=delay_s, parked=parked)


def _names(item: Delivery) -> str:
    return f"study={item.study_instance_uid} object={item.kind} peer={item.destination}"
