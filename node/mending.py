"""Compare the inbox, which is the truth, with the ledger, which is an index of it, and mend the ledger."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from config.errors import NodeError
from dicom_io.network.identity import FileIdentity, read_file_identity
from node.inbox import Inbox, StoredFile
from node.ledger.ledger import Ledger
from node.ledger.records import InstanceRecord, Recorded
from node.storage import storage_id

logger = logging.getLogger(__name__)

T = TypeVar("T")

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
    read is left where it is. Call this before anything is received.

    Parameters
    ----------
    progress
        Called for each file: millions of them take hours.

    Raises
    ------
    LedgerError
        The ledger is the index of another storage folder.
    """
    ledger.bind(storage_id(inbox.storage))
    known = ledger.studies.known_paths()
    stored = {file.path: file for file in _counted(inbox.walk(), progress)}
    # In order of arrival, since of two instances with one UID the first is analysed.
    missing = sorted(
        (stored[path] for path in stored.keys() - known), key=lambda file: (file.received_at, file.path)
    )
    entered = 0
    for records in _batches(_records(inbox, _counted(missing, progress), identify)):
        counts = ledger.record_instances(records)
        entered += counts[Recorded.NEW] + counts[Recorded.CONFLICT]
    lost = _counted(sorted(known - stored.keys()), progress)
    forgotten = sum(ledger.forget_instances(paths) for paths in _batches(lost))
    if forgotten:
        logger.error("files of the inbox are gone, their entries are taken out number=%d", forgotten)
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
