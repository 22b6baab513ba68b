"""Durable placement of received instances: the files are the truth, the ledger is an index of them."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.errors import NodeError
from dicom_io.network.identity import InstanceIdentity
from node.storage.durable_files import Arrival, DurableFiles
from node.storage.folder_sync import sync_folder
from node.storage.inbox_layout import ARRIVING, INBOX, SET_ASIDE, content_of, instance_path

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class InboxError(NodeError):
    """The inbox cannot keep an instance."""


class StorageFullError(InboxError):
    """There is no space, or less than the watermark; the sender may try again later."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an instance lies.

    Parameters
    ----------
    path
        Relative to the storage folder, with forward slashes.
    content_sha256
        Of the data set as received, without preamble and file meta information.
    size_bytes
        Of the file.
    """

    path: str
    content_sha256: str
    size_bytes: int
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the inbox, described without opening it."""

    path: str
    content_sha256: str
    size_bytes: int
    received_at: datetime


class Inbox:
    """The folder of received instances; one process writes to it, from several threads.

    Parameters
    ----------
    storage
        Storage folder of the node; the inbox is made in it.
    minimum_free_bytes
        Watermark: an instance that would leave less is not taken.
    free_bytes
        Free space of a folder in bytes; the file system's by default.

    Raises
    ------
    InboxError
        The folder cannot be made or written to.
    """

    def __init__(
        self, storage: Path, *, minimum_free_bytes: int, free_bytes: Callable[[Path], int] | None = None
    ) -> None:
        self._storage = storage
        self._root = storage / INBOX
        self._minimum_free_bytes = minimum_free_bytes
        self._free_bytes = free_bytes or _free_bytes
        self._files = DurableFiles(self._root / ARRIVING)
        self._placing: set[str] = set()
        self._placed = threading.Condition()
        try:
            self._files.prepare()
            sync_folder(self._root)
            sync_folder(storage)
        except OSError as error:
            raise InboxError(f"{self._root} cannot be written to: {error.strerror or error}") from error

    @property
    def storage(self) -> Path:
        """Folder that paths of the inbox are relative to."""
        return self._storage

    def place(
        self,
        identity: InstanceIdentity,
        file_header: bytes,
        data_set: bytes | memoryview,
        meanwhile: Callable[[Placement], None] = lambda _: None,
        settled: Callable[[], None] = lambda: None,
    ) -> Placement:
        """Keep an instance; when this returns, its file lies under its final name, and the disk keeps both.

        Parameters
        ----------
        file_header
            Preamble and file meta information.
        data_set
            The encoded data set; with the header in front of it a complete Part 10 file.
        meanwhile
            Called when the file has its name, before the disk is waited for: what it starts costs no wait of its
            own. Where this then raises, nothing of a new instance is left, and what was started is to be undone.
        settled
            Called after `meanwhile`, when the disk has the file or has refused it; its folder is still to come.

        Raises
        ------
        StorageFullError
            No space, or less than the watermark.
        InboxError
            The disk cannot be written to.
        """
        size = len(file_header) + len(data_set)
        self._demand_space(size)
        content = hashlib.sha256(data_set).hexdigest()
        path = instance_path(identity, content)
        final = os.path.join(self._storage, path)  # noqa: PTH118 - a Path takes longer than the file system
        try:
            with self._alone_at(path):
                arrival, descriptor = self._files.name(final, file_header, data_set)
                try:
                    meanwhile(Placement(path, content, size, arrival))
                    self._files.synchronise(descriptor, final, settled, keep=arrival is Arrival.SAME)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise _inbox_error(error) from error
        return Placement(path, content, size, arrival)

    def discard_leftovers(self) -> int:
        """Remove what processes that are gone were writing; return how many files that were.

        Another node may receive into the same folder: what it writes is left alone.
        """
        return self._files.discard_leftovers()

    def walk(self) -> Iterator[StoredFile]:
        """Yield every instance that lies here, for the comparison with the ledger."""
        for folder in sorted(self._root.iterdir()):
            if folder.name in (ARRIVING, SET_ASIDE) or not folder.is_dir():
                continue
            for path in sorted(folder.glob("*.dcm")):
                found = path.stat()
                yield StoredFile(
                    path=path.relative_to(self._storage).as_posix(),
                    content_sha256=content_of(path.name),
                    size_bytes=found.st_size,
                    received_at=datetime.fromtimestamp(found.st_mtime, UTC),
                )

    def is_there(self, path: str) -> bool:
        """Tell whether a placed instance still lies there: its study may have been purged meanwhile."""
        return os.path.exists(os.path.join(self._storage, path))  # noqa: PTH110, PTH118 - as in `place`

    def is_whole(self, path: str, data_set_offset: int) -> bool:
        """Return whether the file at `path` holds the data set whose hash is in its name.

        Parameters
        ----------
        data_set_offset
            Where its data set begins, bytes.
        """
        with self.absolute(path).open("rb") as file:
            file.seek(data_set_offset)
            return hashlib.file_digest(file, "sha256").hexdigest() == content_of(path)

    def absolute(self, path: str) -> Path:
        """Return where a path of `Placement` or `StoredFile` lies on this machine."""
        return self._storage / path

    def _demand_space(self, size_bytes: int) -> None:
        try:
            free = self._free_bytes(self._root)
        except OSError as error:
            raise InboxError(f"the inbox cannot be reached: {error.strerror or error}") from error
        if free - size_bytes < self._minimum_free_bytes:
            raise StorageFullError(f"{free} bytes are free, the watermark is {self._minimum_free_bytes}")

    @contextmanager
    def _alone_at(self, path: str) -> Iterator[None]:
        """Let one association place an instance: another that brings it too must find it durable or not at all."""
        with self._placed:
            self._placed.wait_for(lambda: path not in self._placing)
            self._placing.add(path)
        try:
            yield
        finally:
            with self._placed:
                self._placing.remove(path)
                self._placed.notify_all()


def _inbox_error(error: OSError) -> InboxError:
    if error.errno in _NO_SPACE:
        return StorageFullError("the disk of the inbox is full")
    return InboxError(f"the inbox cannot be written to: {error.strerror or error}")


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
