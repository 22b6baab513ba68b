"""Folders brought to the disk once for several names that were given in them at about the same time."""

import os
import threading

_FOLDERS = 64
"""Of which it is remembered when they were synchronised; the others are synchronised once more."""


class FolderSync:
    """Synchronises folders for several threads.

    A name needs a synchronisation of its folder that begins after the name was given, whoever begins it. While one
    thread waits for the disk to keep its file, another may have done that for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._done: dict[str, int] = {}

    def ticket(self) -> int:
        """Return what `synchronise` wants; to be taken once the name is given."""
        return self._begun

    def synchronise(self, folder: str, ticket: int) -> None:
        """Return when the disk keeps the names that `folder` had when the ticket was taken.

        Raises
        ------
        OSError
            The disk refuses it.
        """
        with self._lock:
            if self._done.get(folder, 0) > ticket:
                return
            self._begun += 1
            number = self._begun
        sync_folder(folder)
        with self._lock:
            if len(self._done) >= _FOLDERS:
                self._done.clear()
            self._done[folder] = max(number, self._done.get(folder, 0))


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Return when the disk keeps the names in a folder; raise OSError where it refuses."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
