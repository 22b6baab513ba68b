"""Deliver results: object by object, in order, again where it may help, confirmed by storage commitment."""

import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol

from config.settings import Peer
from dicom_io.network.commitment import CommitmentResult, InstanceReference
from dicom_io.network.requestor import NothingAcceptedError, PeerError
from dicom_io.network.status import Disposition
from dicom_io.network.storage_scu import SendOutcome
from node.backoff import BackOff
from node.ledger.ledger import Ledger
from node.ledger.records import Delivery, DeliveryState

logger = logging.getLogger(__name__)

ASK_AGAIN_S = 300.0
"""A commitment that was not answered is asked for again after this time, and then ever later, s."""


class Transport(Protocol):
    """How objects reach one peer."""

    def send(self, peer: Peer, path: Path) -> SendOutcome:
        """Send one object; raise `PeerError` where no association can be opened."""

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        """Ask whether the objects are safe; return the answer where it comes at once."""


class Courier:
    """Delivers what the outbox holds for one peer; call `deliver` again and again.

    An object that the peer refuses for good, by its status or because it does not take its SOP class, does not
    hold back those behind it: the report and the page tell of the lesion also where a SEG cannot be kept, though
    the report then names a SEG that the peer does not have. The study ends as undelivered and says which it was.

    Parameters
    ----------
    storage
        Folder that the paths of the outbox are relative to.
    back_off
        Between attempts at one object.
    ask_again
        Between requests for storage commitment.
    new_uid
        Gives a new UID.
    """

    def __init__(
        self,
        peer: Peer,
        ledger: Ledger,
        storage: Path,
        transport: Transport,
        *,
        back_off: BackOff,
        ask_again: BackOff,
        new_uid: Callable[[], str],
    ) -> None:
        self._peer = peer
        self._ledger = ledger
        self._storage = storage
        self._transport = transport
        self._back_off = back_off
        self._ask_again = ask_again
        self._new_uid = new_uid

    def deliver(self) -> None:
        """Send what is due, then ask for the commitment that is due."""
        try:
            self._send_due()
            self._confirm_stored()
            self._request_due()
        except PeerError as error:
            # The whole peer is away: each further study would only wait for the same time-out.
            logger.warning("peer unavailable peer=%s error=%s", self._peer.name, error)

    def _send_due(self) -> None:
        due = self._ledger.outbox.due(self._peer.name)
        for _, group in groupby(due, key=lambda item: item.study_instance_uid):
            for item in group:
                # An SR that arrives before the SEG it names points to nothing: later objects wait for earlier.
                if not self._send(item):
                    break

    def _send(self, item: Delivery) -> bool:
        """Send one object; return whether those behind it may follow."""
        try:
            outcome = self._attempt(item)
        except PeerError as error:
            # Also a rejected association is tried again: the peer's list of AE titles is mended by people.
            self._later(item, error.because)
            raise
        except Exception as error:  # Whatever one object does, those of other studies go on.
            logger.exception("not sent %s", _names(item))
            self._later(item, f"an error of this node: {type(error).__name__}")
            return False
        match outcome.disposition:
            case Disposition.TRANSIENT:
                self._later(item, outcome.message)
                return False
            case Disposition.PERMANENT:
                logger.error("refused for good %s error=%s", _names(item), outcome.message)
                self._ledger.outbox.refused(item, outcome.message)
            case _:
                logger.info("stored %s remark=%s", _names(item), outcome.message or "-")
                self._ledger.outbox.stored(item, commitment=self._peer.storage_commitment)
        return True

    def _attempt(self, item: Delivery) -> SendOutcome:
        path = self._storage / item.path
        try:
            return self._transport.send(self._peer, path)
        except NothingAcceptedError as error:
            # The association proposed this object alone: the peer is there, and will never take it.
            return SendOutcome(path, item.sop_instance_uid, None, Disposition.PERMANENT, str(error))

    def _later(self, item: Delivery, because: str) -> None:
        delay_s = self._back_off.delay_s(item.attempts + 1)
        logger.warning("not stored, again in %.0f s %s error=%s", delay_s, _names(item), because)
        self._ledger.outbox.again(item, because, delay_s)

    def _confirm_stored(self) -> None:
        if self._peer.storage_commitment:
            return
        # The operator turned commitment off while objects waited for it.
        for item in self._ledger.outbox.uncommitted(self._peer.name):
            if item.state is DeliveryState.STORED:
                self._ledger.outbox.stored(item, commitment=False)

    def _request_due(self) -> None:
        if not self._peer.storage_commitment:
            return
        due = self._ledger.outbox.uncommitted(self._peer.name)
        for study_instance_uid, group in groupby(due, key=lambda item: item.study_instance_uid):
            try:
                self._request(study_instance_uid, list(group))
            except PeerError:
                raise
            except Exception:  # As for sending; it is asked for again after its back-off.
                logger.exception("commitment not asked for study=%s peer=%s", study_instance_uid, self._peer.name)

    def _request(self, study_instance_uid: str, items: Sequence[Delivery]) -> None:
        transaction_uid = self._new_uid()
        # Entered first: the answer may come on another association before this one has ended.
        again_in_s = self._ask_again.delay_s(max(item.requests for item in items) + 1)
        self._ledger.outbox.requested(items, transaction_uid, again_in_s)
        logger.info("commitment asked for study=%s peer=%s", study_instance_uid, self._peer.name)
        instances = [InstanceReference(item.sop_class_uid, item.sop_instance_uid) for item in items]
        answer = self._transport.request_commitment(self._peer, instances, transaction_uid)
        if answer is not None:
            committed = [reference.sop_instance_uid for reference in answer.committed]
            self._ledger.record_commitment(transaction_uid, committed, answer.reasons())


def _names(item: Delivery) -> str:
    return f"study={item.study_instance_uid} object={item.kind} peer={item.destination}"
