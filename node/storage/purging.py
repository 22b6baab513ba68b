"""Delete the images and results of one study: out of the ledger in one transaction, then off the disk."""

import logging
from pathlib import Path

from sqlalchemy import Connection

from config.errors import NodeError
from node.ledger.ledger import Ledger
from node.ledger.purges import BY_RULE, Extent, May, Purged, is_delivered
from node.ledger.records import StudyRecord
from node.storage.reserve import reserve_at_hand
from node.storage.set_aside import SetAside, settle_set_aside

logger = logging.getLogger(__name__)


class UndeliveredError(NodeError):
    """The results of a study are not confirmed by its peers, and nobody said that they may be lost."""

    code = "ST-UNDELIVERED"

    def __init__(self, study_instance_uid: str) -> None:
        self.study_instance_uid = study_instance_uid
        super().__init__(
            f"study {study_instance_uid} is not delivered and confirmed: nothing is deleted; "
            "`mvi-node studies show` says what is open, and --undelivered deletes it all the same"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (UndeliveredError, (self.study_instance_uid,))


class Purger:
    """Deletes studies of one storage folder; safe beside a node that receives into it.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger are relative to.
    unconfirmed
        Whether results count as delivered that a peer stored and can confirm nothing about.
    """

    def __init__(self, ledger: Ledger, storage: Path, *, unconfirmed: bool) -> None:
        self._ledger = ledger
        self._storage = storage
        self._unconfirmed = unconfirmed
        self._unsettled: list[SetAside] = []

    def by_person(self, study_instance_uid: str, extent: Extent, by: str, *, undelivered: bool) -> Purged:
        """Delete a study because somebody asked for it.

        Parameters
        ----------
        undelivered
            Also where its results did not reach every peer, or it has none yet.

        Raises
        ------
        UnknownStudyError
            There is no such study.
        NotNowError
            It is being analysed.
        UndeliveredError
            It is not delivered, and `undelivered` is false.
        """

        def may(connection: Connection, study: StudyRecord) -> bool:
            return undelivered or is_delivered(connection, study, unconfirmed=self._unconfirmed)

        purged = self._purge(study_instance_uid, extent, f"by {by}", may)
        if purged is None:
            raise UndeliveredError(study_instance_uid)
        return purged

    def by_rule(self, study: StudyRecord, extent: Extent, by: str = BY_RULE) -> Purged | None:
        """Delete a study that is due; None where something happened to it since it was looked at.

        Parameters
        ----------
        by
            For the history and the audit trail.
        """

        def may(connection: Connection, current: StudyRecord) -> bool:
            unchanged = (current.state, current.generation) == (study.state, study.generation)
            return unchanged and is_delivered(connection, current, unconfirmed=self._unconfirmed)

        return self._purge(study.study_instance_uid, extent, by, may)

    def settle(self) -> None:
        """Put right what this process, or one that is gone, could not bring to its end."""
        while self._unsettled:
            self._unsettled[-1].put_back(self._ledger.purges)
            self._unsettled.pop()
        settle_set_aside(self._storage, self._ledger.purges)

    def _purge(self, study_instance_uid: str, extent: Extent, by: str, may: May) -> Purged | None:
        aside = SetAside(self._storage, study_instance_uid, extent)
        with reserve_at_hand(self._storage):
            try:
                purged = self._ledger.purges.purge(study_instance_uid, extent, by, aside.take, may)
            except BaseException:
                self._unsettled.append(aside)
                self.settle()
                raise
            aside.discard()
        if purged is not None:
            logger.info(
                "purged study=%s what=%s files=%d bytes=%d results=%d",
                study_instance_uid,
                extent,
                purged.files,
                purged.size_bytes,
                purged.results,
            )
        return purged
