"""Durable placement of received instances: the files are the truth, the ledger is an index of them.

An instance lies at ``inbox/<sha256 of the study UID>/<sha256 of the SOP Instance UID>-<sha256 of the data
set>.dcm`` below the storage folder. No UID of a peer is ever part of a path.
"""

import errno
import hashlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from config.errors import NodeError
from dicom_io.network.identity import InstanceIdentity
from node.owner import is_gone, worker_name

LOGGER = logging.getLogger(__name__)

INBOX = "inbox"
ARRIVING = ".arriving"
ABANDONED_S = 86_400.0
"""An unfinished file of a process on another host that has not changed for so long is nobody's, s."""
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class InboxError(NodeError):
    """The inbox cannot keep an instance."""


class StorageFullError(InboxError):
    """There is no space, or less than the watermark; the sender may try again later."""


class Arrival(StrEnum):
    """What a placed instance is to the inbox."""

    NEW = "new"
    """The first under its SOP Instance UID."""
    SAME = "same"
    """Already there with the same bytes; kept once."""
    DIFFERENT = "different"
    """Already there with other bytes; kept beside the first."""
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
        self._free_bytes = free_bytes or (lambda folder: shutil.disk_usage(folder).free)
        self._naming = threading.Lock()
        self._owner = worker_name(0).replace("/", "~")
        try:
            self._arriving.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self._root)
            _sync_folder(storage)
        except OSError as error:
            raise InboxError(f"{self._root} cannot be written to: {error.strerror or error}") from error

    @property
    def storage(self) -> Path:
        """Folder that paths of the inbox are relative to."""
        return self._storage

    def place(self, identity: InstanceIdentity, file_header: bytes, data_set: bytes) -> Placement:
        """Keep an instance; when this returns, it lies under its final name, and its bytes are on the disk.

        The name is there for good only after `sync_names`.

        Parameters
        ----------
        file_header
            Preamble and file meta information.
        data_set
            The encoded data set; with the header in front of it a complete Part 10 file.

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
        folder = self._root / _hash(identity.study_instance_uid)
        name = f"{_hash(identity.sop_instance_uid)}-{content}.dcm"
        part = self._arriving / f"{uuid.uuid4().hex}~{self._owner}.part"
        arrival = Arrival.SAME
        try:
            if not _is_whole(folder / name, data_set):
                _write_durably(part, file_header, data_set)
                arrival = self._name(part, folder / name, data_set)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _inbox_error(error) from error
        path = (folder / name).relative_to(self._storage).as_posix()
        return Placement(path=path, content_sha256=content, size_bytes=size, arrival=arrival)

    def sync_names(self, paths: Collection[str]) -> None:
        """Return when the disk keeps the names of placed instances.

        Also for one that was there already: whoever placed it may not have come to this line yet.

        Parameters
        ----------
        paths
            Of their `Placement`.

        Raises
        ------
        StorageFullError
            No space.
        InboxError
            The disk cannot be written to.
        """
        try:
            for folder in sorted({(self._storage / path).parent for path in paths}):
                _sync_folder(folder)
        except OSError as error:
            raise _inbox_error(error) from error

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
            if folder.name == ARRIVING or not folder.is_dir():
                continue
            for path in sorted(folder.glob("*.dcm")):
                found = path.stat()
                yield StoredFile(
                    path=path.relative_to(self._storage).as_posix(),
                    content_sha256=path.stem.rpartition("-")[2],
                    size_bytes=found.st_size,
                    received_at=datetime.fromtimestamp(found.st_mtime, UTC),
                )

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

    def _name(self, part: Path, final: Path, data_set: bytes) -> Arrival:
        """Give an arrived file its final name; the lock makes two associations with one instance agree."""
        with self._naming:
            if not final.parent.exists():
                final.parent.mkdir(mode=0o700)
                _sync_folder(self._root)
            arrival = _arrival(final, data_set)
            if arrival is Arrival.SAME:
                part.unlink()
            else:
                part.rename(final)
        return arrival


def _arrival(final: Path, data_set: bytes) -> Arrival:
    if final.exists():
        return Arrival.SAME if _is_whole(final, data_set) else Arrival.REPAIRED
    prefix = final.name.partition("-")[0]
    # Names and no paths: making a path of each took longer than the rest of the placement.
    other = any(entry.startswith(prefix) for entry in os.listdir(final.parent))  # noqa: PTH208
    return Arrival.DIFFERENT if other else Arrival.NEW


def _is_whole(path: Path, data_set: bytes) -> bool:
    """Say whether a file that bears the name of a data set still ends with it; the header may be of another AE."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size <= len(data_set):
                return False
            file.seek(size - len(data_set))
            return file.read() == data_set
    except FileNotFoundError:
        return False


def _inbox_error(error: OSError) -> InboxError:
    if error.errno in _NO_SPACE:
        return StorageFullError("the disk of the inbox is full")
    return InboxError(f"the inbox cannot be written to: {error.strerror or error}")


def _abandoned(part: Path) -> bool:
    owner = "/".join(part.stem.split("~")[1:])
    with suppress(FileNotFoundError):  # It was given its name just now.
        return not owner or is_gone(owner) or time.time() - part.stat().st_mtime > ABANDONED_S
    return False


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _write_durably(path: Path, *chunks: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)  # Whoever tidies up takes the empty folder too.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123 - Path.open cannot ask for O_EXCL and a mode
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
