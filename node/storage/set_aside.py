"""Files on their way to deletion: set aside by one rename, so that a kill leaves them whole and findable.

A study is purged in one transaction of the ledger: its folders get another name, its rows go, and only then are
the folders deleted. Whoever is killed in between leaves set-aside folders behind. The ledger says what they are:
where it has a row for a file, the transaction was not committed and the file is put back; the others are deleted.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from node.ledger.purges import Extent, Purges
from node.owner import is_gone, worker_name
from node.storage.inbox_layout import INBOX, SET_ASIDE, inbox_folder
from node.storage.results_folder import RESULTS, results_of_study

ABANDONED_S = 86_400.0
"""What a process on another host has set aside for so long is nobody's, s."""


class SetAside:
    """The folders of one study on their way to deletion.

    Parameters
    ----------
    storage
        Folder that the paths of the ledger are relative to.
    extent
        What is to be deleted.
    """

    def __init__(self, storage: Path, study_instance_uid: str, extent: Extent) -> None:
        self._folders = [
            *([inbox_folder(storage, study_instance_uid)] if extent.images else []),
            *([results_of_study(storage, study_instance_uid)] if extent.results else []),
        ]
        # The name says whose it is: nobody puts back what a process that lives is about to delete.
        owner = worker_name(0).replace("/", "~")
        self._name = f"{owner}~{uuid.uuid4().hex}"

    def take(self) -> None:
        """Rename the folders, durably."""
        for folder in self._folders:
            if not folder.is_dir():
                continue
            aside = folder.parent / SET_ASIDE / self._name
            aside.mkdir(mode=0o700, parents=True)
            folder.rename(aside / folder.name)
            for changed in (aside, aside.parent, folder.parent):
                _synchronise(changed)

    def put_back(self, purges: Purges) -> None:
        """Give back whatever the ledger still has rows for, and delete the rest."""
        for folder in self._folders:
            _settle(folder.parent / SET_ASIDE / self._name, purges)

    def discard(self) -> None:
        """Delete the files."""
        for folder in self._folders:
            shutil.rmtree(folder.parent / SET_ASIDE / self._name, ignore_errors=True)


def settle_set_aside(storage: Path, purges: Purges) -> int:
    """Put back or delete what processes that are gone had set aside; return how many folders that were.

    Call this before the inbox is compared with the ledger.
    """
    left = [path for root in (INBOX, RESULTS) for path in _children(storage / root / SET_ASIDE)]
    abandoned = [path for path in left if _abandoned(path)]
    for path in abandoned:
        _settle(path, purges)
    return len(abandoned)


def _settle(aside: Path, purges: Purges) -> None:
    root = aside.parent.parent
    for study in _children(aside):
        home = root / study.name
        for item in _children(study):
            path = f"{root.name}/{study.name}/{item.name}"
            wanted = purges.has_result_in(path) if root.name == RESULTS else purges.has_instance_at(path)
            if wanted and not (home / item.name).exists():
                home.mkdir(mode=0o700, exist_ok=True)
                item.rename(home / item.name)
        if home.is_dir():
            _synchronise(home)
    if root.is_dir():
        _synchronise(root)
    shutil.rmtree(aside, ignore_errors=True)


def _children(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from sorted(folder.iterdir())


def _abandoned(aside: Path) -> bool:
    owner = "/".join(aside.name.split("~")[:4])
    with suppress(FileNotFoundError):  # Its owner has just ended.
        return is_gone(owner) or time.time() - aside.stat().st_mtime > ABANDONED_S
    return False


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
