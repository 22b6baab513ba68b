"""Compare the inbox, which is the truth, with the ledger, which is an index of it, and mend the ledger."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from config.errors import NodeError
from dicom_io.network.identity import FileIdentity, read_file_identity
from node.inbox import Inbox, StoredFile
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord, Recorded
from node.storage import storage_id

logger = logging.getLogger(__name__)


def mend_ledger(
    inbox: Inbox, ledger: Ledger, identify: Callable[[Path], FileIdentity] = read_file_identity
) -> int:
    """Enter what lies in the inbox and is not in the ledger; return how many instances that were.

    An entry whose file is gone is taken out, so that the instance may be sent again; a file that cannot be
    read is left where it is. Call this before anything is received.

    Raises
    ------
    LedgerError
        The ledger is the index of another storage folder.
    """
    ledger.bind(storage_id(inbox.storage))
    known = ledger.studies.known_paths()
    stored = {file.path: file for file in inbox.walk()}
    # In order of arrival, since of two instances with one UID the first is analysed.
    missing = sorted(
        (stored[path] for path in stored.keys() - known), key=lambda file: (file.received_at, file.path)
    )
    counts = ledger.record_instances(_records(inbox, missing, identify))
    forgotten = ledger.forget_instances(known - stored.keys())
    if forgotten:
        logger.error("files of the inbox are gone, their entries are taken out number=%d", forgotten)
    return counts[Recorded.NEW] + counts[Recorded.CONFLICT]


def _records(
    inbox: Inbox, files: Iterable[StoredFile], identify: Callable[[Path], FileIdentity]
) -> Iterator[InstanceRecord]:
    for file in files:
        try:
            yield _record(file, identify(inbox.absolute(file.path)))
        except (NodeError, OSError) as error:
            logger.error("file of the inbox cannot be read path=%s error=%s", file.path, error)  # noqa: TRY400


def _record(file: StoredFile, found: FileIdentity) -> InstanceRecord:
    identity = found.identity
    return InstanceRecord(
        study_instance_uid=identity.study_instance_uid,
        series_instance_uid=identity.series_instance_uid,
        sop_instance_uid=identity.sop_instance_uid,
        sop_class_uid=identity.sop_class_uid,
        transfer_syntax_uid=identity.transfer_syntax_uid,
        path=file.path,
        content_sha256=file.content_sha256,
        size_bytes=file.size_bytes,
        received_at=file.received_at,
        calling_ae_title=found.source_ae_title,
        peer="",
    )
