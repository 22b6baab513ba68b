"""What becomes of an instance that arrives: into the inbox, then into the ledger, then Success."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from config.errors import NodeError
from dicom_io.network.commitment import CommitmentResult
from dicom_io.network.status import StoreStatus
from dicom_io.network.store_service import ReceivedInstance
from node.ledger.grouping import GroupedIntake
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord, Recorded
from node.storage.durable_files import Arrival
from node.storage.inbox import Inbox, InboxError, Placement, StorageFullError

LOGGER = logging.getLogger(__name__)

MAXIMUM_PURGES = 3
"""So often the study of an instance may be purged while it is being kept."""


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
