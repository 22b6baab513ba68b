"""Files that lie under their final name whole, and kept by the disk, or not at all."""

import itertools
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from node.owner import is_gone, worker_name
from node.storage.folder_sync import FolderSync, sync_folder

ABANDONED_S = 86_400.0
"""An unfinished file of a process on another host that has not changed for so long is nobody's, s."""


class Arrival(StrEnum):
    """What a placed instance is to the inbox."""

    NEW = "new"
    """Nothing with these bytes under its SOP Instance UID was there."""
    SAME = "same"
    """Already there with the same bytes; kept once."""
    REPAIRED = "repaired"
    """Already there by its name, but the file was cut or changed on the disk; it is whole again."""


class DurableFiles:
    """Gives files their final names; one process writes, from several threads.

    Parameters
    ----------
    arriving
        Folder, beside those that the files go to, of what has no final name yet.
    """

    def __init__(self, arriving: Path) -> None:
        self._arriving = arriving
        self._folders = FolderSync()
        self._owner = worker_name(0).replace("/", "~")
        # A UUID of each file would ask the kernel for random numbers each time.
        self._run = uuid.uuid4().hex
        self._numbers = itertools.count()

    def prepare(self) -> None:
        """Make the folder of what arrives; raise OSError where that fails."""
        self._arriving.mkdir(mode=0o700, parents=True, exist_ok=True)

    def discard_leftovers(self) -> int:
        """Remove what processes that are gone were writing; return how many files that were."""
        leftovers = [path for path in self._arriving.iterdir() if _abandoned(path)]
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
        return len(leftovers)

    def name(self, final: str, file_header: bytes, data_set: bytes | memoryview) -> tuple[Arrival, int]:
        """Give an instance its final name where it is not there; return its file, open."""
        descriptor, arrival = _open_existing(final), Arrival.NEW
        if descriptor is not None:
            if _is_whole(descriptor, data_set):
                return Arrival.SAME, descriptor
            os.close(descriptor)
            arrival = Arrival.REPAIRED
        name = f"{self._run}-{next(self._numbers)}~{self._owner}.part"
        part = os.path.join(self._arriving, name)  # noqa: PTH118 - a Path takes longer than the file system
        descriptor = self._create(part)
        try:
            _write(descriptor, file_header, data_set)
            self._rename(part, final)
        except OSError:
            os.close(descriptor)
            Path(part).unlink(missing_ok=True)
            raise
        return arrival, descriptor

    def synchronise(self, descriptor: int, path: str, settled: Callable[[], None], *, keep: bool) -> None:
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
            os.rename(part, final)  # noqa: PTH104 - a Path takes longer
        except FileNotFoundError:
            Path(final).parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._arriving.parent)
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


def _abandoned(part: Path) -> bool:
    owner = "/".join(part.stem.split("~")[1:])
    with suppress(FileNotFoundError):  # It was given its name just now.
        return not owner or is_gone(owner) or time.time() - part.stat().st_mtime > ABANDONED_S
    return False
