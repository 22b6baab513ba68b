"""Have confirmed what a peer stored: by storage commitment, by a query where it gives none, or not at all."""

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol

from config.sections.peers import Peer
from dicom_io.network.commitment import CommitmentResult, InstanceReference
from dicom_io.network.requestor import AccessRefusedError, PeerError, PeerRefusedError, UnansweredError
from node.backoff import BackOff
from node.ledger.delivery_records import Confirmation, Delivery
from node.ledger.due import LONGEST_QUESTION_S
from node.ledger.ledger import Ledger

logger = logging.getLogger(__name__)

ASK_AGAIN_S, LONGEST_ASK_AGAIN_S = 30.0, LONGEST_QUESTION_S
"""A commitment that was not answered is asked for again after this time, and then ever later, s.

Most peers report within seconds, so that a report which does not come is soon one that was missed.
"""
LOOK_AGAIN_S, LONGEST_LOOK_AGAIN_S = 10.0, 900.0
"""An object that a query did not find is looked for again after this time, and then ever later, s."""
MAXIMUM_SILENT_REQUESTS = 6
"""Requests for commitment that the peer may take and not answer, half an hour, until it is asked by a query."""
LEARN_AGAIN_S = 3600.0
"""A peer without storage commitment is not asked for it again for so long, s."""
UNCONFIRMED = "it stored the object; it offers neither storage commitment nor a query that could confirm it"


class Questions(Protocol):
    """How a peer is asked about what it stored."""

    def request_commitment(
        self, peer: Peer, instances: Sequence[InstanceReference], transaction_uid: str
    ) -> CommitmentResult | None:
        """Ask whether the objects are safe; return the answer where it comes at once.

        Raises
        ------
        PeerRefusedError
            The peer offers no storage commitment.
        UnansweredError
            It took the request, and then said nothing.
        """

    def find(self, peer: Peer, paths: Sequence[Path]) -> Mapping[Path, bool]:
        """Return which of the objects the peer has.

        Raises
        ------
        PeerRefusedError
            The peer cannot be queried.
        """


class Confirmer:
    """Has confirmed what one peer stored; call `confirm_due` again and again.

    Parameters
    ----------
    storage
        Folder that the paths of the outbox are relative to.
    ask_again
        Between requests for storage commitment.
    look_again
        Between queries.
    new_uid
        Gives a new UID.
    """

    def __init__(
        self,
        peer: Peer,
        ledger: Ledger,
        storage: Path,
        questions: Questions,
        *,
        ask_again: BackOff,
        look_again: BackOff,
        new_uid: Callable[[], str],
    ) -> None:
        self._peer = peer
        self._ledger = ledger
        self._storage = storage
        self._questions = questions
        self._ask_again = ask_again
        self._look_again = look_again
        self._new_uid = new_uid
        self._no_commitment_until_s = 0.0
        """By the monotonic clock."""

    def confirm_due(self) -> None:
        """Ask about what is due; raise `PeerError` where the peer cannot be asked."""
        due = self._ledger.confirmations.uncommitted(self._peer.name)
        for study_instance_uid, group in groupby(due, key=lambda item: item.study_instance_uid):
            items = list(group)
            try:
                self._confirm(items)
            except PeerError:
                raise
            except Exception:  # As for sending: the other studies go on.
                logger.exception("not asked about study=%s peer=%s", study_instance_uid, self._peer.name)
                self._ledger.confirmations.ask_later(items, self._ask_again.delay_s(1))

    def _confirm(self, items: Sequence[Delivery]) -> None:
        if self._may_ask_commitment(items) and self._by_commitment(items):
            return
        if self._peer.confirm_by_query and self._by_query(items):
            return
        logger.warning("sent, and cannot be confirmed %s", self._names(items))
        self._ledger.confirmations.unconfirmed(items, UNCONFIRMED)

    def _may_ask_commitment(self, items: Sequence[Delivery]) -> bool:
        if not self._peer.storage_commitment or max(item.requests for item in items) >= MAXIMUM_SILENT_REQUESTS:
            return False
        return self._ledger.monotonic_s() >= self._no_commitment_until_s

    def _by_commitment(self, items: Sequence[Delivery]) -> bool:
        """Ask for storage commitment; return whether the peer offers it."""
        transaction_uid = self._new_uid()
        # Entered first: the answer may come on another association before this one has ended.
        again_in_s = self._ask_again.delay_s(max(item.requests for item in items) + 1)
        self._ledger.confirmations.requested(items, transaction_uid, again_in_s)
        instances = [InstanceReference(item.sop_class_uid, item.sop_instance_uid) for item in items]
        try:
            answer = self._questions.request_commitment(self._peer, instances, transaction_uid)
        except AccessRefusedError:
            raise
        except UnansweredError:
            # Else a peer that never answers would be asked for ever, and never by a query.
            self._ledger.confirmations.request_taken(items)
            raise
        except PeerRefusedError as error:
            logger.info("no storage commitment peer=%s because=%s", self._peer.name, error.because)
            self._no_commitment_until_s = self._ledger.monotonic_s() + LEARN_AGAIN_S
            return False
        logger.info("commitment asked for %s", self._names(items))
        self._ledger.confirmations.request_taken(items)
        if answer is not None:
            committed = [reference.sop_instance_uid for reference in answer.committed]
            self._ledger.record_commitment(transaction_uid, committed, answer.reasons())
        return True

    def _by_query(self, items: Sequence[Delivery]) -> bool:
        """Look for the objects at the peer; return whether it can be queried."""
        again_in_s = self._look_again.delay_s(max(item.absences for item in items) + 1)
        # Entered first: whatever happens on the way, it is not asked again at once.
        self._ledger.confirmations.ask_later(items, again_in_s)
        try:
            found = self._questions.find(self._peer, [self._storage / item.path for item in items])
        except AccessRefusedError:
            raise
        except PeerRefusedError as error:
            logger.info("no query peer=%s because=%s", self._peer.name, error.because)
            return False
        present = [item for item in items if found.get(self._storage / item.path)]
        absent = [item for item in items if item not in present]
        if present:
            logger.info("found by query %s objects=%d", self._names(items), len(present))
            self._ledger.confirmations.confirmed(present, Confirmation.QUERY)
        if absent:
            logger.warning("not found by query %s objects=%d", self._names(items), len(absent))
            self._ledger.confirmations.absent(absent, again_in_s)
        return True

    def _names(self, items: Sequence[Delivery]) -> str:
        return f"study={items[0].study_instance_uid} peer={self._peer.name}"
