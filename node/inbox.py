"""Durable placement of received instances: the files are the truth, the ledger is an index of them.

An instance lies at ``inbox/<sha256 of the study UID>/<sha256 of the SOP Instance UID>-<sha256 of the data
set>.dcm`` below the storage folder. No UID of a peer is ever part of a path.
"""

import errno
import hashlib
import itertools
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from config.errors import NodeError
from dicom_io.network.identity import InstanceIdentity
from node.folder_sync import FolderSync, sync_folder
from node.owner import is_gone, worker_name

LOGGER = logging.getLogger(__name__)

INBOX = "inbox"
ARRIVING = ".arriving"
SET_ASIDE = ".set-aside"
"""Folder, beside those of studies, of what is on its way to deletion."""
ABANDONED_S = 86_400.0
"""An unfinished file of a process on another host that has not changed for so long is nobody's, s."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class InboxError(NodeError):
    """The inbox cannot keep an instance."""


class StorageFullError(InboxError):
    """There is no space, or less than the watermark; the sender may try again later."""


def inbox_folder(storage: Path, study_instance_uid: str) -> Path:
    """Return the folder of the instances of a study; a UID came from the network and is never a path."""
    return storage / INBOX / _hash(study_instance_uid)


class Arrival(StrEnum):
    """What a placed instance is to the inbox."""

    NEW = "new"
    """Nothing with these bytes under its SOP Instance UID was there."""
    SAME = "same"
    """Already there with the same bytes; kept once."""
    REPAIRED = "repaired"
    """Already there by its name, but the file was cut or changed on the disk; it is whole again."""


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
        self._arriving = self._root / ARRIVING
        self._minimum_free_bytes = minimum_free_bytes
        self._free_bytes = free_bytes or _free_bytes
        self._folders = FolderSync()
        self._placing: set[str] = set()
        self._placed = threading.Condition()
        self._owner = worker_name(0).replace("/", "~")
        # A UUID of each file would ask the kernel for random numbers each time.
        self._run = uuid.uuid4().hex
        self._numbers = itertools.count()
        try:
            self._arriving.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        path = f"{INBOX}/{_hash(identity.study_instance_uid)}/{_hash(identity.sop_instance_uid)}-{content}.dcm"
        final = os.path.join(self._storage, path)  # noqa: PTH118 - a Path takes longer than the file system
        try:
            with self._alone_at(path):
                arrival, descriptor = self._named(final, file_header, data_set)
                try:
                    meanwhile(Placement(path, content, size, arrival))
                    self._sync(descriptor, final, settled, keep=arrival is Arrival.SAME)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise _inbox_error(error) from error
        return Placement(path, content, size, arrival)

    def discard_leftovers(self) -> int:
        """Remove what processes that are gone were writing; return how many files that were.

        Another node may receive into the same folder: what it writes is left alone.
        """
        leftovers = [path for path in self._arriving.iterdir() if _abandoned(path)]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        return len(leftovers)

    def walk(self) -> Iterator[StoredFile]:
        """Yield every instance that lies here, for the comparison with the ledger."""
        for folder in sorted(self._root.iterdir()):
            if folder.name in (ARRIVING, SET_ASIDE) or not folder.is_dir():
                continue
            for path in sorted(folder.glob("*.dcm")):
                found = path.stat()
                yield StoredFile(
                    path=path.relative_to(self._storage).as_posix(),
                    content_sha256=_content_of(path.name),
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
            return hashlib.file_digest(file, "sha256").hexdigest() == _content_of(path)

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

    def _named(self, final: str, file_header: bytes, data_set: bytes | memoryview) -> tuple[Arrival, int]:
        """Give an instance its final name where it is not there; return its file, open."""
        descriptor, arrival = _open_existing(final), Arrival.NEW
        if descriptor is not None:
            if _is_whole(descriptor, data_set):
                return Arrival.SAME, descriptor
            os.close(descriptor)
            arrival = Arrival.REPAIRED
        name = f"{self._run}-{next(self._numbers)}~{self._owner}.part"
        part = os.path.join(self._arriving, name)  # noqa: PTH118 - as above
        descriptor = self._create(part)
        try:
            _write(descriptor, file_header, data_set)
            self._rename(part, final)
        except OSError:
            os.close(descriptor)
            Path(part).unlink(missing_ok=True)
            raise
        return arrival, descriptor

    def _sync(self, descriptor: int, path: str, settled: Callable[[], None], *, keep: bool) -> None:
        """Return when the disk keeps a file and its name."""
        ticket = self._folders.ticket()
        try:
            try:
                os.fsync(descriptor)
            finally:
                settled()
            self._folders.synchronise(os.path.dirname(path), ticket)  # noqa: PTH120 - a Path takes longer
        except OSError:
            # What the disk refused once looks whole until it is read again, and the next fsync says nothing of it.
            if not keep:
                Path(path).unlink(missing_ok=True)
            raise

    def _create(self, part: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            return os.open(part, flags, 0o600)
        except FileNotFoundError:  # Whoever tidies up takes the empty folder too.
            self._arriving.mkdir(mode=0o700, exist_ok=True)
            return os.open(part, flags, 0o600)

    def _rename(self, part: str, final: str) -> None:
        # Before it is synchronised: the journal then takes bytes and name in one go. After a loss of power a file
        # may lie here whose bytes never came to the disk; nobody was told that it is kept, and `is_whole` tells.
        try:
            os.rename(part, final)  # noqa: PTH104 - as above
        except FileNotFoundError:
            Path(final).parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._root)
            os.rename(part, final)  # noqa: PTH104 - as above


def _open_existing(path: str) -> int | None:
    if not os.access(path, os.F_OK):  # An exception for every new instance takes longer.
        return None
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None


def _is_whole(descriptor: int, data_set: bytes | memoryview) -> bool:
    """Say whether a file that bears the name of a data set still ends with it; the header may be of another AE."""
    begin = os.fstat(descriptor).st_size - len(data_set)
    if begin <= 0:
        return False
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(begin)
        return file.read() == data_set


def _write(descriptor: int, *chunks: bytes | memoryview) -> None:
    left = [memoryview(chunk) for chunk in chunks]
    while left:
        written = os.writev(descriptor, left)
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if left:
            left[0] = left[0][written:]


def _inbox_error(error: OSError) -> InboxError:
    if error.errno in _NO_SPACE:
        return StorageFullError("the disk of the inbox is full")
    return InboxError(f"the inbox cannot be written to: {error.strerror or error}")


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _content_of(path: str) -> str:
    return path.rpartition("-")[2].removesuffix(".dcm")


def _abandoned(part: Path) -> bool:
    owner = "/".join(part.stem.split("~")[1:])
    with suppress(FileNotFoundError):  # It was given its name just now.
        return not owner or is_gone(owner) or time.time() - part.stat().st_mtime > ABANDONED_S
    return False


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
