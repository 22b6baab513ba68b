"""Compare the inbox, which is the truth, with the ledger, which is an index of it, and mend the ledger."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from config.errors import NodeError
from dicom_io.network.identity import FileIdentity, read_file_identity
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord, Recorded
from node.storage.folder import storage_id
from node.storage.inbox import Inbox, StoredFile

logger = logging.getLogger(__name__)

T = TypeVar("T")

LAST_ENTRIES = 100
"""Looked at although they are known: so many more than instances can be on their way when the power fails."""
BATCH = 1000
"""Entries of one transaction: a start that is interrupted goes on from the last of them."""


def mend_ledger(
    inbox: Inbox,
    ledger: Ledger,
    identify: Callable[[Path], FileIdentity] = read_file_identity,
    progress: Callable[[], None] = lambda: None,
) -> int:
    """Enter what lies in the inbox and is not in the ledger; return how many instances that were.

    An entry whose file is gone is taken out, so that the instance may be sent again; a file that cannot be
    read is left where it is. File and entry are made durable at the same time: when the power fails meanwhile,
    either may be there without the bytes, which were not acknowledged. So a file is entered only where it holds
    the data set that its name says, and the last entries are held against their files.
    Call this before anything is received.

    Parameters
    ----------
    identify
        Of a file.
    progress
        Called for each file: millions of them take hours.

    Raises
    ------
    LedgerError
        The ledger is the index of another storage folder.
    """
    ledger.bind(storage_id(inbox.storage))
    known = ledger.studies.known_paths()
    last = ledger.studies.last_paths(LAST_ENTRIES)
    stored = {file.path: file for file in _counted(inbox.walk(), progress)}
    # In order of arrival, since of two instances with one UID the first is analysed.
    missing = sorted(
        (stored[path] for path in stored.keys() - known), key=lambda file: (file.received_at, file.path)
    )
    entered = 0
    for records in _batches(_records(inbox, _counted(missing, progress), identify)):
        counts = ledger.record_instances(records)
        entered += counts[Recorded.NEW] + counts[Recorded.CONFLICT]
    cut = [path for path in last if path in stored and _is_cut(inbox, stored[path], identify)]
    lost = _counted(sorted((known - stored.keys()) | set(cut)), progress)
    forgotten = sum(ledger.forget_instances(paths) for paths in _batches(lost))
    if forgotten:
        logger.error("files of the inbox are gone or not whole, their entries are taken out number=%d", forgotten)
    return entered


def _counted(items: Iterable[T], progress: Callable[[], None]) -> Iterator[T]:
    for item in items:
        progress()
        yield item


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _records(
    inbox: Inbox, files: Iterable[StoredFile], identify: Callable[[Path], FileIdentity]
) -> Iterator[InstanceRecord]:
    for file in files:
        found = _proved(inbox, file, identify)
        if found is not None:
            yield _record(file, found)


def _proved(inbox: Inbox, file: StoredFile, identify: Callable[[Path], FileIdentity]) -> FileIdentity | None:
    """Return what a file is; None, and a line in the log, where it does not hold what its name says."""
    try:
        found = identify(inbox.absolute(file.path))
        if inbox.is_whole(file.path, found.data_set_offset):
            return found
        reason = "its bytes are not those that its name says; it is replaced when its instance is sent again"
    except (NodeError, OSError) as error:
        reason = str(error)
    logger.error("file of the inbox cannot be used path=%s error=%s", file.path, reason)
    return None


def _is_cut(inbox: Inbox, file: StoredFile, identify: Callable[[Path], FileIdentity]) -> bool:
    try:
        inbox.absolute(file.path).open("rb").close()
    except OSError:
        return False  # A file that may not be opened now has lost nothing.
    return _proved(inbox, file, identify) is None


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
